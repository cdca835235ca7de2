package tui

import (
	"cmp"
	"context"
	"errors"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"relayctl/internal/session"
)

const (
	// fetchedAtOnce is how many requests are read at once.
	fetchedAtOnce = 500
	// mostRows is how many requests the list holds, however far it is scrolled.
	mostRows = 2000
)

// window is the part of the requests that the list holds, the oldest first.
type window struct {
	rows    []*session.Request
	older   uint64 // Before of a query for older ones, 0 for none
	newer   uint64 // After of a query for newer ones, 0 where the last row is the newest
	upTo    uint64 // number up to which was read
	at      int    // index of the chosen row
	top     int    // index of the first row shown
	follows bool   // the newest is chosen as it comes
}

// fetch is which requests are read into the window.
type fetch int

const (
	fresh  fetch = iota + 1 // the newest, in place of all
	latest                  // what came since
	older                   // before the first row
	newer                   // after the last row
	oldest                  // the oldest, in place of all
)

// fetched is what was read.
type fetched struct {
	session.Listed
	what  fetch
	stats session.Stats // before
	by    int           // how far to move then
	err   error
}

func (w *window) chosen() *session.Request {
	if w.at >= len(w.rows) {
		return nil
	}
	return w.rows[w.at]
}

// scroll keeps the chosen row in sight.
func (w *window) scroll(height int) {
	w.top = min(w.top, w.at)
	w.top = max(w.top, w.at-height+1, 0)
}

// choose chooses a row by its index, or the nearest one.
func (w *window) choose(at int) {
	w.at = max(0, min(at, len(w.rows)-1))
	w.follows = w.newer == 0 && w.at >= len(w.rows)-1
}

// trim bounds the rows: the old ones go, or the new ones.
func (w *window) trim(old bool) {
	n := len(w.rows) - mostRows
	switch {
	case n <= 0:
	case old:
		w.drop(n)
		w.older = w.rows[0].Number
	default:
		w.rows = slices.Clone(w.rows[:mostRows])
		w.newer = w.rows[mostRows-1].Number
	}
}

// drop gives up the first rows.
func (w *window) drop(n int) {
	if n == 0 {
		return
	}
	w.rows = slices.Clone(w.rows[n:])
	w.at, w.top = max(0, w.at-n), max(0, w.top-n)
}

// add takes what was read into the window.
func (w *window) add(f fetched) {
	slices.Reverse(f.Requests)
	upTo := f.stats.Newest // counted before the rows were read, which may go on
	if n := len(f.Requests); n > 0 {
		upTo = max(upTo, f.Requests[n-1].Number)
	}
	switch f.what {
	case fresh:
		*w = window{rows: f.Requests, older: f.Next, upTo: upTo, at: len(f.Requests)}
	case oldest:
		*w = window{rows: f.Requests, newer: f.Next, upTo: upTo}
	case older:
		w.rows, w.older = append(f.Requests, w.rows...), f.Next
		w.at += len(f.Requests)
		w.top += len(f.Requests)
		w.trim(false)
	case newer:
		w.rows, w.newer, w.upTo = append(w.rows, f.Requests...), f.Next, upTo
		w.trim(true)
	case latest:
		w.addLatest(f, upTo)
	}
	at := w.at + f.by
	if f.what == latest && w.follows {
		at = len(w.rows)
	}
	w.choose(at)
}

// addLatest takes what came since. A user who looks at older rows keeps them in sight.
func (w *window) addLatest(f fetched, upTo uint64) {
	gap := f.Next != 0
	switch {
	case w.follows && gap:
		w.rows, w.older, w.at = f.Requests, f.Next, len(f.Requests)
	case w.follows:
		w.rows = append(w.rows, f.Requests...)
		w.trim(true)
	case gap || len(w.rows)+len(f.Requests) > mostRows:
		w.newer = w.upTo
	default:
		w.rows = append(w.rows, f.Requests...)
	}
	w.upTo = upTo
	gone, _ := slices.BinarySearchFunc(w.rows, f.stats.Oldest, func(r *session.Request, n uint64) int { return cmp.Compare(r.Number, n) })
	w.drop(gone)
}

// fetch reads rows beside the view, and moves by so many then. What is read already is
// not read twice at a time, and news never end what a key has asked for.
func (m *model) fetch(what fetch, by int) tea.Cmd {
	w, q := &m.rows, m.query
	running := m.listing.what
	switch {
	case what == latest && w.newer != 0, what == older && w.older == 0, what == newer && w.newer == 0:
		return nil
	case m.listing.runs() && what == latest:
		m.behind = true
		return nil
	case m.listing.runs() && running == what && what != fresh:
		return nil
	}
	if what == latest || what == fresh {
		m.behind = false
	}
	q.Limit = fetchedAtOnce
	switch what {
	case latest:
		q.After = w.upTo
	case older:
		q.Before = w.older
	case newer:
		q.After, q.Oldest = w.newer, true
	case oldest:
		q.Oldest = true
	}
	st := m.cfg.Session.Stats()
	return m.begin(&m.listing, job{what: what}, func(ctx context.Context) any {
		l, err := m.cfg.Session.List(ctx, q)
		return fetched{l, what, st, by, err}
	})
}

// takeRows shows what was read, and reads on where a search has not filled the screen.
func (m *model) takeRows(f fetched) tea.Cmd {
	wasSlow := m.listing.slow
	m.listing.end()
	if f.err != nil && !errors.Is(f.err, context.Canceled) {
		m.say(f.err.Error())
		return nil
	}
	w := &m.rows
	w.add(f)
	m.rows.scroll(m.pageHeight())
	if w.older != 0 && len(w.rows) < m.pageHeight() && f.what != oldest {
		cmd := m.fetch(older, 0)
		m.listing.slow = wasSlow
		return cmd
	}
	if m.behind {
		return m.fetch(latest, 0)
	}
	return nil
}

// move chooses the row so many further down, and reads on at the ends of the window.
func (m *model) move(by int) tea.Cmd {
	w := &m.rows
	to := w.at + by
	w.choose(to)
	w.scroll(m.pageHeight())
	switch {
	case to < 0:
		return m.fetch(older, to)
	case to >= len(w.rows):
		return m.fetch(newer, to-w.at)
	}
	return nil
}
