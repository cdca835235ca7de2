package report

import (
	"cmp"
	"fmt"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/duration"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
)

// Inspected is what inspect found in a capture, for the summary.
type Inspected struct {
	*judge.Inspection
	Files    []string
	Read     uint64   // requests in the files, selected or not
	Skipped  int      // lines that could not be read
	Shown    int      // journeys
	Listed   bool     // requests were listed in place of journeys
	Failures []string // what --fail-on counts as a failure
}

// Finish writes the summary.
func (t *InspectText) Finish(s Inspected) error {
	st := t.st
	requests := term.Count(s.Requests, "request")
	if s.Requests < s.Read {
		requests = fmt.Sprintf("%d of %s", s.Requests, term.Count(s.Read, "request"))
	}
	t.line("%s: %s, %s", st.Bold(t.files(s.Files)), requests, eventsText(&s.Summary))
	if s.Requests > 0 {
		t.item("received", between(s.First.UTC(), s.Last.UTC()))
	}
	writeNames(t.w, st, &s.Summary)
	t.item("answers", cmp.Or(tally(s.ByStatus, capture.StatusText), "none"))
	t.item("retries", t.badge(s, judge.Attempt))
	t.item("duplicates", t.badge(s, judge.Duplicate))
	for _, kind := range sortedKeys(s.ByBadge) {
		switch kind {
		case judge.Attempt, judge.Duplicate, judge.Late, judge.Early:
		default:
			t.item(term.Clean(string(kind)), t.badge(s, kind))
		}
	}
	t.item("late", t.badge(s, judge.Late))
	t.item("early", t.badge(s, judge.Early))
	t.gaps(s)
	if s.Silence.For >= pauseFrom {
		t.item("silence", fmt.Sprintf("%s at the longest, after #%d", duration.Text(s.Silence.For), s.Silence.After))
	}
	t.item("findings", t.findings(s))
	if n := s.NoEvent; n > 0 {
		t.item("no event", t.counted(term.Count(n, "request"), s.Examples[judge.MarkNoEvent], n))
	}
	if n := s.NoCustomer; n > 0 {
		t.item("no ccid", t.counted(term.Count(n, "event"), s.Examples[judge.MarkNoCustomer], n))
	}
	if s.Skipped > 0 {
		t.item("skipped", st.Warn(term.Count(s.Skipped, "line")+" that could not be read"))
	}
	if n := s.Customers(); uint64(s.Shown) < n && !s.Listed {
		of := "of"
		if n > judge.MostHeld {
			of = "of up to" // a customer that was dropped and came back counts twice
		}
		t.item("shown", fmt.Sprintf("the last %d %s %s (--ccid, --journeys)", s.Shown, of, term.Count(n, "customer")))
	}
	totals := s.Totals()
	for _, note := range trackingNotes(st, &totals) {
		t.line("  %s", note)
	}
	for _, f := range s.Failures {
		t.item("failed on", st.Bad(f))
	}
	return t.w.Flush()
}

// between writes a range of time.
func between(first, last time.Time) string {
	end := term.Clock(last)
	if term.Day(first) != term.Day(last) {
		end = moment(last)
	}
	return moment(first) + " to " + end + " UTC"
}

func moment(t time.Time) string { return term.Day(t) + " " + term.Clock(t) }

// files names the files that were read, in short.
func (t *InspectText) files(names []string) string {
	text := term.Clean(names[0])
	if len(names) > 1 {
		text += fmt.Sprintf(" and %d more", len(names)-1)
	}
	if t.st.Width > 0 {
		text = term.Cut(text, max(t.st.Width-40, 20))
	}
	return text
}

func (t *InspectText) line(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

// item writes a line of the summary.
func (t *InspectText) item(name, text string) {
	t.line("  %s %s", t.st.Dim(term.Fit(name, 10)), text)
}

// badge counts a badge and names the first requests that have it.
func (t *InspectText) badge(s Inspected, kind judge.BadgeKind) string {
	n := s.ByBadge[kind]
	if n == 0 {
		return t.st.Good("none")
	}
	return t.counted(fmt.Sprint(n), s.Examples[string(kind)], n)
}

// counted writes a count and names the first of the requests that it counts.
func (t *InspectText) counted(count string, examples []judge.Example, n uint64) string {
	room := -1
	if t.st.Width > 0 {
		room = t.st.Width - 15 - len(count)
	}
	where := ""
	for i, e := range examples {
		text := fmt.Sprintf("#%d", e.Seq)
		if e.Customer != "" {
			text += " (" + term.Cut(term.Clean(e.Customer), 24) + ")"
		}
		if i > 0 {
			text = ", " + text
		}
		if room >= 0 && term.Columns(where+text)+2 > room {
			n++ // not all examples are shown
			break
		}
		where += text
	}
	if uint64(len(examples)) < n && where != "" {
		where += " …"
	}
	return t.st.Warn(count) + "  " + t.st.Dim(where)
}

// gaps counts events that were never accepted or whose predecessor is missing, and
// lists the first requests of each kind.
func (t *InspectText) gaps(s Inspected) {
	name := "gaps"
	for _, kind := range []struct {
		what string
		gap  judge.Gap
	}{{"never accepted", s.Unaccepted()}, {"without predecessor", s.Orphans()}} {
		if n := kind.gap.Count; n > 0 {
			t.item(name, t.counted(fmt.Sprintf("%d %s", n, kind.what), kind.gap.First, n))
			name = ""
		}
	}
	if name != "" {
		t.item(name, t.st.Good("none"))
	}
}

func (t *InspectText) findings(s Inspected) string {
	if s.Errors+s.Warnings == 0 {
		return t.st.Good("none")
	}
	return t.counted(findingCounts(&s.Summary), s.Examples[judge.MarkFinding], s.Errors+s.Warnings)
}
