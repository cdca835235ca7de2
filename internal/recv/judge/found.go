package judge

import (
	"slices"
	"strings"

	"relayctl/internal/event"
)

// foundText bounds each text of a Found, in bytes.
const foundText = 256

// mostFound bounds how many kinds of findings a summary names.
const mostFound = 5

// Found is a kind of finding on events of a name.
type Found struct {
	event.Finding
	Name  string // of the events
	First string // the event_id of the first of them
	Count uint64
}

// is says whether a finding is of that kind.
func (k *Found) is(name string, f *event.Finding) bool {
	// What is long is known by its beginning, see short.
	same := func(kept, text string) bool { return kept == text[:min(len(text), foundText)] }
	return k.Clause == f.Clause && k.Level == f.Level && same(k.Name, name) && same(k.Path, f.Path) && same(k.Message, f.Message)
}

// found counts a finding with its kind. Where there are too many kinds errors
// take the place of warnings, and the totals alone tell of the rest.
func (s *Summary) found(rc *Receipt, f event.Finding) {
	for i := range s.Found {
		if k := &s.Found[i]; k.is(rc.Event.Name, &f) {
			k.Count++
			return
		}
	}
	at := len(s.Found)
	for f.Level == event.Error && at > 0 && s.Found[at-1].Level != event.Error {
		at--
	}
	if at == mostFound {
		return
	}
	f.Path, f.Message = short(f.Path), short(f.Message) // the body is not kept for them
	s.Found = slices.Insert(s.Found, at, Found{Finding: f, Name: short(rc.Event.Name), First: short(rc.Event.ID), Count: 1})
	s.Found = s.Found[:min(len(s.Found), mostFound)]
}

func short(s string) string { return strings.Clone(s[:min(len(s), foundText)]) }
