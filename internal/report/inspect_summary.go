package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"relayctl/internal/recv"
)

// Inspected is what inspect found, for the end of its output.
type Inspected struct {
	*recv.Inspection
	Files    []string
	Skipped  int      // lines that could not be read
	Shown    int      // journeys
	Failures []string // what --fail-on fails on
}

// Finish writes the summary.
func (t *InspectText) Finish(s Inspected) error {
	st := t.st
	t.line("%s: %s, %s", st.bold(t.files(s.Files)), plural(s.Requests, "request"), plural(s.Events, "event"))
	if s.Requests > 0 {
		t.item("received", between(s.First.UTC(), s.Last.UTC()))
	}
	for _, name := range sortedKeys(s.ByName) {
		fmt.Fprintf(t.w, "    %s %d\n", st.name(name, fit(nameOf(name), nameWidth)), s.ByName[name])
	}
	t.item("answers", answersOf(&s.Summary))
	t.item("retries", t.badge(s, recv.AttemptBadge))
	t.item("duplicates", t.badge(s, recv.Duplicate))
	for _, kind := range sortedKeys(s.ByBadge) {
		switch kind {
		case recv.AttemptBadge, recv.Duplicate, recv.Late, recv.Early:
		default:
			t.item(Clean(string(kind)), t.badge(s, kind))
		}
	}
	t.item("late", t.badge(s, recv.Late))
	t.item("early", t.badge(s, recv.Early))
	t.gaps(s)
	if s.Silence.For >= pauseFrom {
		t.item("silence", fmt.Sprintf("%s at the longest, after #%d", human(s.Silence.For), s.Silence.After))
	}
	t.item("findings", t.findings(s))
	if n := s.NoEvent; n > 0 {
		t.item("no event", t.counted(plural(n, "request"), s.Examples[recv.MarkNoEvent], n))
	}
	if n := s.NoCustomer; n > 0 {
		t.item("no ccid", t.counted(plural(n, "event"), s.Examples[recv.MarkNoCustomer], n))
	}
	if s.Skipped > 0 {
		t.item("skipped", st.warn(plural(s.Skipped, "line")+" that could not be read"))
	}
	if n := s.Customers(); uint64(s.Shown) < n {
		of := "of"
		if n > recv.MostHeld {
			of = "of up to" // some may have come back
		}
		t.item("shown", fmt.Sprintf("the last %d %s %s (--ccid, --journeys)", s.Shown, of, plural(n, "customer")))
	}
	totals := s.Totals()
	for _, note := range trackingNotes(st, &totals) {
		t.line("  %s", note)
	}
	for _, f := range s.Failures {
		t.item("failed on", st.bad(f))
	}
	return t.w.Flush()
}

// between names a span of time.
func between(first, last time.Time) string {
	layout := clockLayout
	if first.Format(dayLayout) != last.Format(dayLayout) {
		layout = dayLayout + " " + clockLayout
	}
	return first.Format(dayLayout+" "+clockLayout) + " to " + last.Format(layout) + " UTC"
}

// files names what was read, in short.
func (t *InspectText) files(names []string) string {
	text := Clean(names[0])
	if len(names) > 1 {
		text += fmt.Sprintf(" and %d more", len(names)-1)
	}
	if t.st.Width > 0 {
		text = runewidth.Truncate(text, max(t.st.Width-40, 20), "…")
	}
	return text
}

func (t *InspectText) line(format string, args ...any) { fmt.Fprintf(t.w, format+"\n", args...) }

// item writes a line of the summary.
func (t *InspectText) item(name, text string) {
	t.line("  %s %s", t.st.dim(fit(name, 10)), text)
}

func answersOf(s *recv.Summary) string {
	var parts []string
	for _, code := range sortedKeys(s.ByStatus) {
		name := fmt.Sprint(code)
		if code == 0 {
			name = "no answer"
		}
		parts = append(parts, fmt.Sprintf("%s × %d", name, s.ByStatus[code]))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// badge counts a badge and points to where it stands.
func (t *InspectText) badge(s Inspected, kind recv.BadgeKind) string {
	n := s.ByBadge[kind]
	if n == 0 {
		return t.st.good("none")
	}
	return t.counted(fmt.Sprint(n), s.Examples[string(kind)], n)
}

// counted points to the first of n things.
func (t *InspectText) counted(count string, examples []recv.Example, n uint64) string {
	room := -1
	if t.st.Width > 0 {
		room = t.st.Width - 15 - len(count)
	}
	where := ""
	for i, e := range examples {
		text := fmt.Sprintf("#%d", e.Seq)
		if e.Customer != "" {
			text += " (" + runewidth.Truncate(Clean(e.Customer), 24, "…") + ")"
		}
		if i > 0 {
			text = ", " + text
		}
		if room >= 0 && runewidth.StringWidth(where+text)+2 > room {
			n++ // it is left out
			break
		}
		where += text
	}
	if uint64(len(examples)) < n && where != "" {
		where += " …"
	}
	return t.st.warn(count) + "  " + t.st.dim(where)
}

// gaps points to what has not come to its end, with a line for each kind.
func (t *InspectText) gaps(s Inspected) {
	name := "gaps"
	for _, kind := range []struct {
		what string
		gap  recv.Gap
	}{{"never accepted", s.Unaccepted()}, {"without predecessor", s.Orphans()}} {
		if n := kind.gap.Count; n > 0 {
			t.item(name, t.counted(fmt.Sprintf("%d %s", n, kind.what), kind.gap.First, n))
			name = ""
		}
	}
	if name != "" {
		t.item(name, t.st.good("none"))
	}
}

func (t *InspectText) findings(s Inspected) string {
	if s.Errors+s.Warnings == 0 {
		return t.st.good("none")
	}
	count := fmt.Sprintf("%s, %s", plural(s.Errors, "error"), plural(s.Warnings, "warning"))
	return t.counted(count, s.Examples[recv.MarkFinding], s.Errors+s.Warnings)
}
