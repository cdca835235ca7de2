package tui

import (
	"testing"

	"relayctl/internal/session"
)

// The numbers are counted before the rows are read, and more may come in between: what
// was read already does not come again.
func TestRowsReadPastTheCountComeOnce(t *testing.T) {
	read := func(what fetch, newest, from, to uint64) fetched { // the newest first
		f := fetched{what: what, stats: session.Stats{Newest: newest, Oldest: 1}}
		for n := to; n >= from; n-- {
			f.Requests = append(f.Requests, &session.Request{Number: n})
		}
		return f
	}
	var w window
	w.add(read(fresh, 2, 1, 3))
	if w.upTo != 3 {
		t.Fatalf("the next query is for what comes after %d", w.upTo)
	}
	w.add(read(latest, 4, 4, 6))
	if w.upTo != 6 || len(w.rows) != 6 {
		t.Errorf("up to %d, %d rows", w.upTo, len(w.rows))
	}
}
