package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/suggest"
)

const (
	mostRemembered = 10000 // events that are remembered of a capture, to suggest one of them
	mostNamed      = 20    // names of events that a message lists
)

// unselected remembers the events of a capture as long as none of them is selected. The zero
// value is ready.
type unselected struct {
	found              bool
	names, ids, badges map[string]bool
	statuses           map[int]bool
	begin, end         time.Time // of the requests, by when they were received
}

func (m *unselected) add(rec *capture.Record, selected bool) {
	m.found = m.found || selected
	if m.begin.IsZero() || rec.ReceivedAt.Before(m.begin) {
		m.begin = rec.ReceivedAt
	}
	if rec.ReceivedAt.After(m.end) {
		m.end = rec.ReceivedAt
	}
	if m.found || len(m.ids) >= mostRemembered || len(m.names) >= mostRemembered {
		return
	}
	if m.ids == nil {
		m.names, m.ids = map[string]bool{}, map[string]bool{}
		m.statuses, m.badges = map[int]bool{}, map[string]bool{}
	}
	m.statuses[rec.Status] = true
	m.addBadges(rec.Badges)
	m.names[strings.Clone(rec.EventName)], m.ids[strings.Clone(rec.EventID)] = true, true
	for i := range rec.Members {
		m.names[strings.Clone(rec.Members[i].EventName)], m.ids[strings.Clone(rec.Members[i].EventID)] = true, true
		m.addBadges(rec.Members[i].Badges)
	}
}

func (m *unselected) addBadges(badges []string) {
	for _, badge := range badges {
		m.badges[strings.Clone(capture.KindOf(badge))] = true
	}
}

// err says what was looked for in vain among so many requests.
func (m *unselected) err(o *inspectOptions, sel capture.Filter, in *judge.Inspection, records uint64) error {
	if sel.Requests.First() > records {
		return usageError("%s", sel.Requests.Beyond(records))
	}
	delete(m.names, "")
	delete(m.ids, "")
	among := "among " + term.Count(records, "request")
	text := fmt.Sprintf("none of %s is selected", term.Count(records, "request"))
	switch f := o.selection; {
	case len(f.ccid) == 1 && !slices.Contains(in.Others(), f.ccid[0]):
		text = fmt.Sprintf("no event of customer %s %s%s", suggest.Quote(f.ccid[0]), among, suggest.DidYouMean(f.ccid[0], in.Others()))
	case len(f.ids) == 1 && !m.ids[f.ids[0]]:
		text = fmt.Sprintf("no event with the id %s %s%s", suggest.Quote(f.ids[0]), among, m.nearID(f.ids[0]))
	case len(f.events) > 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(m.names)), sel.Events.Match):
		text = fmt.Sprintf("no event %s %s%s", term.Clean(strings.Join(f.events, ", ")), among, which("have", m.names))
	case m.outside(sel):
		const layout = "2006-01-02 15:04:05.000"
		text = fmt.Sprintf("no request lies within --since and --until: %s came from %s to %s, local time", term.Count(records, "request"), m.begin.Local().Format(layout), m.end.Local().Format(layout))
	case len(f.statuses) > 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(m.statuses)), sel.Statuses.Has):
		text = fmt.Sprintf("no answer %s %s%s", term.Clean(strings.Join(f.statuses, ", ")), among, which("got", m.answers()))
	case len(f.badges) > 0 && !slices.ContainsFunc(f.badges, func(b string) bool { return m.badges[b] }):
		text = fmt.Sprintf("no badge %s %s%s", strings.Join(f.badges, ", "), among, cmp.Or(which("have", m.badges), ", which have none"))
	}
	return &exitError{code: exitFellShort, err: errors.New(text)}
}

// answers names the answers that there are.
func (m *unselected) answers() map[string]bool {
	words := map[string]bool{}
	for status := range m.statuses {
		if status == 0 {
			words["no answer"] = true
			continue
		}
		words[strconv.Itoa(status)] = true
	}
	return words
}

// outside says whether all requests lie outside the times that are selected.
func (m *unselected) outside(sel capture.Filter) bool {
	return !sel.Since.IsZero() && m.end.Before(sel.Since) || !sel.Until.IsZero() && !m.begin.Before(sel.Until)
}

// which names what there is, some of it where there is much.
func which(verb string, known map[string]bool) string {
	names := slices.Sorted(maps.Keys(known))
	switch n := len(names) - mostNamed; {
	case len(names) == 0:
		return ""
	case n > 0:
		names = append(names[:mostNamed], fmt.Sprintf("%d more", n))
	}
	return ", which " + verb + " " + term.Clean(strings.Join(names, ", "))
}

// nearID suggests the id that begins most like the one that was asked for.
func (m *unselected) nearID(want string) string {
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
	return usageError("%s", capture.Ranges{{First: number, Last: number}}.Beyond(records))
}
