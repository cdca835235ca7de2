package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/suggest"
)

// maxNames bounds how many event names are counted apart; the rest is counted
// as "(other)".
const maxNames = 200

// Summary counts what was received. It is kept where requests are answered, so it is exact
// even if the display had to drop receipts. It is not safe for concurrent use.
type Summary struct {
	Requests   uint64
	Events     uint64            // different ones
	Arrivals   uint64            // of events: one that came three times has three
	ByName     map[string]uint64 // different events
	ByBadge    map[BadgeKind]uint64
	ByStatus   map[int]uint64 // 0 stands for no answer
	Errors     uint64         // findings of that level
	Warnings   uint64
	Found      []Found // the first kinds of them, errors before warnings
	Unexpected uint64  // requests answered with anything but 200 without a script asking for it
	AppErrors  uint64  // requests that the app answered 5xx, or not at all
	Accepted   uint64  // different events that were accepted
	Dropped    uint64  // receipts that were not displayed
	Unstored   uint64  // requests that the capture could not take
	// How many events and customers were forgotten. One of them that comes again is taken
	// for new.
	ForgottenEvents, ForgottenCustomers uint64
	// LeftOut are events that never came although others followed from them, so
	// that the webhook's filter is taken to leave them out (R-FILTER).
	LeftOut []string
	// Journeys are those of the customers that came last.
	Journeys []Journey
	First    time.Time
	Last     time.Time
}

// NewSummary makes an empty summary.
func NewSummary() Summary {
	return Summary{ByName: map[string]uint64{}, ByBadge: map[BadgeKind]uint64{}, ByStatus: map[int]uint64{}}
}

// Clone copies the counts.
func (s *Summary) Clone() Summary {
	c := *s
	c.ByName, c.ByBadge, c.ByStatus = maps.Clone(s.ByName), maps.Clone(s.ByBadge), maps.Clone(s.ByStatus)
	c.Found = slices.Clone(s.Found)
	return c
}

// Answer is how a request was answered.
type Answer struct {
	At        time.Time
	Status    int  // 0 for no answer
	Scripted  bool // a script asked for it
	AppFailed bool // the app answered 5xx, or not at all
}

// AddRequest counts a request.
func (s *Summary) AddRequest(a Answer) {
	if s.Requests == 0 {
		s.First = a.At
	}
	s.Requests++
	s.Last = a.At
	s.ByStatus[a.Status]++
	if a.Status != 200 && !a.Scripted {
		s.Unexpected++
	}
	if a.AppFailed {
		s.AppErrors++
	}
}

// AddEvent counts one of its receipts.
func (s *Summary) AddEvent(r *Receipt) { s.addEvent(r, r.Times > 1 || r.cameAgain()) }

// addEvent counts a receipt; again says that its event was counted before.
func (s *Summary) addEvent(r *Receipt, again bool) {
	if r.Event.Raw != nil {
		s.Arrivals++
	}
	if name := r.Event.Name; r.Event.Raw != nil && !again {
		s.Events++
		if _, ok := s.ByName[name]; !ok && len(s.ByName) >= maxNames {
			name = "(other)"
		}
		s.ByName[name]++
	}
	if r.first && r.Event.Raw != nil {
		s.Accepted++
	}
	for _, b := range r.Badges {
		s.ByBadge[b.Kind]++
	}
	for _, f := range r.Findings {
		if f.Level == event.Error {
			s.Errors++
		} else {
			s.Warnings++
		}
		s.found(r, f)
	}
}

// FailOn says what makes the verdict of a receiver negative.
type FailOn struct{ kinds []string }

// FailOnKinds are the words of a list for FailOn, the last of which is never; Failures says
// what each one finds.
func FailOnKinds() []string {
	return []string{"error", "warning", "duplicate", "disorder", "unexpected-status", "app-error", "never"}
}

// ParseFailOn reads a list of FailOnKinds; never stands alone.
func ParseFailOn(list string) (FailOn, error) {
	var f FailOn
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		known := false
		for _, k := range FailOnKinds() {
			known = known || k == item
		}
		if !known {
			return FailOn{}, fmt.Errorf("fail-on takes %s, not %q%s", strings.Join(FailOnKinds(), ", "), item, suggest.DidYouMean(item, FailOnKinds()))
		}
		f.kinds = append(f.kinds, item)
	}
	if f.Never() && len(f.kinds) > 1 {
		return FailOn{}, fmt.Errorf("fail-on %s contradicts itself: never stands alone", list)
	}
	return f, nil
}

// Never says whether f fails on nothing.
func (f FailOn) Never() bool { return slices.Contains(f.kinds, "never") }

// Failures lists, in words, what the summary has that f fails on; it is empty
// for a positive verdict.
func (s *Summary) Failures(f FailOn) []string {
	var out []string
	add := func(n uint64, one, many string) {
		switch {
		case n == 1:
			out = append(out, "1 "+one)
		case n > 1:
			out = append(out, fmt.Sprintf("%d %s", n, many))
		}
	}
	for _, k := range f.kinds {
		switch k {
		case "error":
			add(s.Errors, "finding of level error", "findings of level error")
		case "warning":
			add(s.Warnings, "finding of level warning", "findings of level warning")
		case "duplicate":
			add(s.ByBadge[Duplicate]+s.ByBadge[Conflict], "duplicate or conflict", "duplicates or conflicts")
		case "disorder":
			add(s.ByBadge[Late]+s.ByBadge[Early], "event out of order", "events out of order")
		case "unexpected-status":
			add(s.Unexpected, "request not answered 200", "requests not answered 200")
		case "app-error":
			add(s.AppErrors, "answer 5xx of the app, or none", "answers 5xx of the app, or none")
		}
	}
	return out
}
