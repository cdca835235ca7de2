package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/suggest"
)

const (
	mostMissed = 10000 // events that are remembered of a capture, to suggest one of them
	mostNamed  = 20    // names of events that a message lists
)

// missed remembers the events of a capture as long as none of them is selected. The zero
// value is ready.
type missed struct {
	found      bool
	names, ids map[string]bool
}

func (m *missed) add(rec *capture.Record, selected bool) {
	m.found = m.found || selected
	if m.found || len(m.ids) >= mostMissed || len(m.names) >= mostMissed {
		return
	}
	if m.ids == nil {
		m.names, m.ids = map[string]bool{}, map[string]bool{}
	}
	m.names[strings.Clone(rec.EventName)], m.ids[strings.Clone(rec.EventID)] = true, true
	for i := range rec.Members {
		m.names[strings.Clone(rec.Members[i].EventName)], m.ids[strings.Clone(rec.Members[i].EventID)] = true, true
	}
}

// err says what was looked for in vain among so many requests.
func (m *missed) err(o *inspectOptions, sel capture.Filter, in *judge.Inspection, records uint64) error {
	if first := sel.Requests.First(); first > records {
		return noRequest(first, records)
	}
	delete(m.names, "")
	delete(m.ids, "")
	among := "among " + term.Count(records, "request")
	text := fmt.Sprintf("none of %s is selected", term.Count(records, "request"))
	switch f := o.selection; {
	case len(f.ccid) == 1 && !slices.Contains(in.Others(), f.ccid[0]):
		text = fmt.Sprintf("no event of customer %q %s%s", term.Clean(f.ccid[0]), among, suggest.DidYouMean(f.ccid[0], in.Others()))
	case len(f.ids) == 1 && !m.ids[f.ids[0]]:
		text = fmt.Sprintf("no event with the id %q %s%s", term.Clean(f.ids[0]), among, m.nearID(f.ids[0]))
	case len(f.events) > 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(m.names)), sel.Events.Match):
		text = fmt.Sprintf("no event %s %s%s", term.Clean(strings.Join(f.events, ", ")), among, m.known())
	}
	return &exitError{code: exitFellShort, err: errors.New(text)}
}

// known names the events that there are, some of them where there are many.
func (m *missed) known() string {
	names := slices.Sorted(maps.Keys(m.names))
	switch n := len(names) - mostNamed; {
	case len(names) == 0:
		return ""
	case n > 0:
		names = append(names[:mostNamed], fmt.Sprintf("%d more", n))
	}
	return ", which have " + term.Clean(strings.Join(names, ", "))
}

// nearID suggests the id that begins most like the one that was asked for.
func (m *missed) nearID(want string) string {
	beginnings := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(m.ids)) {
		short := []rune(id)
		beginnings[string(short[:min(len(short), len([]rune(want)))])] = id
	}
	if near := suggest.Nearest(want, slices.Sorted(maps.Keys(beginnings))); near != "" {
		return suggest.DidYouMean(want, []string{near}) + " (" + term.ShortID(beginnings[near]) + ")"
	}
	return ""
}

// noRequest is the error for the number of a request beyond the end of the capture.
func noRequest(number, records uint64) error {
	if records == 1 {
		return usageError("the capture has no request %d, only request 1", number)
	}
	return usageError("the capture has no request %d, only the requests 1 to %d", number, records)
}
