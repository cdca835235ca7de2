package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"relayctl/internal/capture"
	"relayctl/internal/recv"
)

// ListenText renders what a receiver sees for people.
type ListenText struct {
	w       *bufio.Writer
	st      *Style
	verbose bool
}

// NewListenText makes the renderer of listen's text output; verbose shows
// whole events.
func NewListenText(w io.Writer, st *Style, verbose bool) *ListenText {
	return &ListenText{bufio.NewWriterSize(w, 64<<10), st, verbose}
}

// Banner is what a receiver says once it listens.
type Banner struct {
	URL    string
	CA     string // the file that makes senders trust it, "" for none
	Auth   string // the options that give curl the credentials, "" for none
	Token  string // those of the call that gets a token, "" where none is handed out
	Seed   uint64 // of answers by chance
	Chance bool   // there are some
}

// Listening writes the banner: where, whom to trust, and how to try it.
func (l *ListenText) Listening(b Banner) error {
	fmt.Fprintf(l.w, "%s %s\n", l.st.bold("listening on"), l.st.good(b.URL))
	trust := ""
	if b.CA != "" {
		fmt.Fprintf(l.w, "  %s   %s\n", l.st.dim("CA"), b.CA)
		trust = " --cacert " + ShellQuote(b.CA)
	}
	if b.Chance {
		fmt.Fprintf(l.w, "  %s %d\n", l.st.dim("seed"), b.Seed)
	}
	if b.Token != "" {
		fmt.Fprintf(l.w, "  %s curl%s%s -d grant_type=client_credentials %soauth/token\n", l.st.dim("token"), trust, b.Token, b.URL)
	}
	fmt.Fprintf(l.w, "  %s  curl%s%s -H 'Content-Type: application/json' -d '{\"event_id\":\"1\",\"event_name\":\"message.delivered\",\"event_ts\":\"2022-04-12T14:53:11.958Z\",\"payload\":{}}' %s\n\n",
		l.st.dim("try"), trust, b.Auth, b.URL)
	return l.w.Flush()
}

// ShellQuote writes a word for a POSIX shell, in quotes where it needs them.
func ShellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Receipt writes an event's line. On a terminal it fits the width; findings
// stand on lines of their own. It is there to see after a Flush.
func (l *ListenText) Receipt(r *recv.Receipt) {
	st := l.st
	if l.w.Buffered() == 0 {
		st.refit()
	}
	if r.Missed > 0 {
		fmt.Fprintf(l.w, "%s\n", st.warn(fmt.Sprintf("… %s not shown: the output is too slow", plural(r.Missed, "line"))))
	}
	name := "(no event)"
	if r.Event.Raw != nil {
		name = nameOf(r.Event.Name)
	}
	status, tone := fmt.Sprint(r.Status), st.good
	switch {
	case r.Status == 0:
		status, tone = "---", st.warn
	case r.Status != 200:
		tone = st.bad
	}
	// 12 + 1 + 30 + 1 + 11 + 1 + 3 = 59, and then the badges.
	fmt.Fprintf(l.w, "%s %s %s %s", st.dim(clock(r.ReceivedAt)), st.name(name, fit(name, nameWidth)), st.id(r.Event.ID), tone(status))
	room := -1
	if st.Width > 0 {
		room = st.Width - 59
		if st.Width >= wideFrom {
			room -= wideID - idWidth
		}
	}
	l.badges(r, room)
	fmt.Fprintln(l.w)
	if r.Status != 200 && r.Answer != "" {
		what := ""
		if r.Event.Raw == nil {
			what = runewidth.Truncate(Clean(r.Method)+" "+shownTarget(r.Path), mostTarget, "…") + ": "
		}
		l.note(st.dim, "%s%s", what, r.Answer)
	}
	for _, b := range r.Badges {
		if b.Kind == recv.Early && b.After != "" {
			l.note(st.dim, "no %s before it (R-ORDER)", b.After)
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		l.note(st.findingTone(f.Level), "%s %s", f.Level, findingText(f))
	}
	if l.verbose && len(r.Event.Raw) > 0 {
		l.event(r.Event.Raw)
	}
}

// mostTarget is how many columns a request has that carried no event.
const mostTarget = 60

// shownTarget is a request's path as it may be shown: without the secrets of its
// query.
func shownTarget(target string) string { return Clean(capture.Redactor{}.Target(target)) }

// Flush writes out what Receipt has written.
func (l *ListenText) Flush() error { return l.w.Flush() }

// badges writes as many badges as fit; what does not is counted.
func (l *ListenText) badges(r *recv.Receipt, room int) {
	for i, b := range r.Badges {
		text := b.String()
		left := len(r.Badges) - i
		if room >= 0 && len(text)+1 > room {
			if more := fmt.Sprintf(" +%d", left); len(more) <= room {
				fmt.Fprint(l.w, l.st.warn(more))
			}
			return
		}
		room -= len(text) + 1
		tone := l.st.warn
		if b.Kind == recv.Conflict {
			tone = l.st.bad
		}
		fmt.Fprint(l.w, " "+tone(text))
	}
}

// noteIndent is what stands left of a note: the clock and a space.
const noteIndent = len(clockLayout) + 1

// note writes what belongs to the line above it, within the terminal's width.
func (l *ListenText) note(tone func(string) string, format string, args ...any) {
	indent := noteIndent
	for _, line := range l.st.within(fmt.Sprintf(format, args...), noteIndent+2) {
		fmt.Fprintf(l.w, "%*s%s\n", indent, "", tone(line))
		indent = noteIndent + 2
	}
}

// deepest bounds the nesting of what is shown indented, which grows with its
// square: sixty kilobytes of brackets would fill four hundred megabytes.
const deepest = 16

// nesting says how deeply JSON is nested.
func nesting(raw []byte) int {
	depth, most, text := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			text = !text
		case text && c == '\\':
			i++
		case text:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

func (l *ListenText) event(raw []byte) {
	var pretty bytes.Buffer
	if nesting(raw) > deepest || json.Indent(&pretty, raw, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(raw)
	}
	for line := range strings.SplitSeq(pretty.String(), "\n") {
		fmt.Fprintf(l.w, "             %s\n", l.st.dim(Clean(line)))
	}
}

// Finish writes the summary.
func (l *ListenText) Finish(s recv.Summary, failures []string) error {
	l.st.refit()
	fmt.Fprintln(l.w)
	writeListenSummary(l.w, l.st, s)
	l.journeys(s.Journeys)
	for _, f := range failures {
		fmt.Fprintf(l.w, "  %s %s\n", l.st.bad("failed on"), f)
	}
	return l.w.Flush()
}

// mostOfJourney is how many events of a customer the summary shows.
const mostOfJourney = 12

// journeys writes those of the last few customers, in true order.
func (l *ListenText) journeys(journeys []recv.RecentJourney) {
	for _, j := range journeys {
		customer := Clean(j.Customer)
		if l.st.Width > 0 {
			customer = strings.TrimRight(fit(customer, max(l.st.Width-30, 20)), " ")
		}
		fmt.Fprintf(l.w, "  %s %s\n", l.st.bold("customer "+customer), l.st.dim("in true order, UTC"))
		if left := len(j.Events) - mostOfJourney; left > 0 {
			fmt.Fprintf(l.w, "    %s\n", l.st.dim(fmt.Sprintf("… %d before", left)))
			j.Events = j.Events[left:]
		}
		for i := range j.Events {
			l.journeyEvent(&j.Events[i])
		}
	}
}

func (l *ListenText) journeyEvent(e *recv.RecentEvent) {
	st, at, name := l.st, "no event_ts ", nameOf(e.Name)
	if !e.TS.IsZero() {
		at = e.TS.UTC().Format("15:04:05.000")
	}
	remarks := make([]string, 0, len(e.Badges)+1)
	if !e.Accepted {
		remarks = append(remarks, "not accepted")
	}
	for _, b := range e.Badges {
		if text := b.String(); !slices.Contains(remarks, text) {
			remarks = append(remarks, text)
		}
	}
	text, width := strings.Join(remarks, ", "), idWidth
	if st.Width > 0 && st.Width <= slimUpTo {
		width = slimID // which leaves room for "not accepted, late 53.9s"
	}
	if room := st.Width - 4 - 12 - 1 - nameWidth - 1 - width - 1; st.Width > 0 && room > 0 {
		text = strings.TrimRight(fit(text, room), " ")
	}
	id := shortID(e.ID, width)
	if text != "" {
		id, text = fit(id, width), " "+st.warn(text)
	}
	fmt.Fprintf(l.w, "    %s %s %s%s\n", st.dim(at), st.name(name, fit(name, nameWidth)), st.dim(id), text)
}

func writeListenSummary(w io.Writer, st *Style, s recv.Summary) {
	fmt.Fprintf(w, "  %s, %s\n", plural(s.Requests, "request"), plural(s.Events, "event"))
	for _, name := range sortedKeys(s.ByName) {
		fmt.Fprintf(w, "    %s %d\n", st.name(name, fit(nameOf(name), nameWidth)), s.ByName[name])
	}
	var parts []string
	for _, k := range sortedKeys(s.ByBadge) {
		parts = append(parts, fmt.Sprintf("%s × %d", k, s.ByBadge[k]))
	}
	if parts != nil {
		fmt.Fprintf(w, "  %s %s\n", st.dim("badges  "), st.warn(strings.Join(parts, ", ")))
	}
	parts = nil
	for _, code := range sortedKeys(s.ByStatus) {
		name := fmt.Sprint(code)
		if code == 0 {
			name = "no answer"
		}
		parts = append(parts, fmt.Sprintf("%s × %d", name, s.ByStatus[code]))
	}
	if parts != nil {
		fmt.Fprintf(w, "  %s %s\n", st.dim("answers "), strings.Join(parts, ", "))
	}
	findings := st.good("none")
	if s.Errors+s.Warnings > 0 {
		findings = st.warn(fmt.Sprintf("%s, %s", plural(s.Errors, "error"), plural(s.Warnings, "warning")))
	}
	fmt.Fprintf(w, "  %s %s\n", st.dim("findings"), findings)
	writeFound(w, st, &s)
	for _, note := range trackingNotes(st, &s) {
		fmt.Fprintf(w, "  %s\n", note)
	}
	if s.Dropped > 0 {
		fmt.Fprintf(w, "  %s\n", st.warn(fmt.Sprintf("%d lines were not shown: the output was too slow (all were answered and counted)", s.Dropped)))
	}
}

// writeFound names what was found.
func writeFound(w io.Writer, st *Style, s *recv.Summary) {
	rest := s.Errors + s.Warnings
	for _, k := range s.Found {
		rest -= k.Count
		lead, indent := "    "+st.findingTone(k.Level)(string(k.Level))+" ", 5+len(k.Level)
		for _, line := range st.within(findingText(&k.Finding)+" ("+foundIn(&k)+")", indent) {
			fmt.Fprintf(w, "%s%s\n", lead, line)
			lead = strings.Repeat(" ", indent)
		}
	}
	if rest > 0 && len(s.Found) > 0 {
		fmt.Fprintf(w, "    %s\n", st.dim(fmt.Sprintf("and %d more", rest)))
	}
}

// foundIn says which events have a finding.
func foundIn(k *recv.Found) string {
	name := orText(Clean(k.Name), "no event_name")
	if k.Count > 1 {
		name = fmt.Sprintf("%d × %s", k.Count, name)
	}
	switch id := shortID(k.First, wideID); {
	case id == "":
		return name
	case k.Count > 1:
		return name + ", first " + id
	default:
		return name + " " + id
	}
}

// trackingNotes says where the judging has its limits.
func trackingNotes(st *Style, s *recv.Summary) []string {
	var notes []string
	for _, name := range s.LeftOut {
		notes = append(notes, st.dim("no "+name+" ever came: taken as left out by the webhook's filter (R-FILTER)"))
	}
	if s.ForgottenEvents+s.ForgottenCustomers > 0 {
		notes = append(notes, st.warn(fmt.Sprintf("not tracked further back: %s and %s were forgotten, and count as new when they come again",
			plural(s.ForgottenEvents, "event"), plural(s.ForgottenCustomers, "customer"))))
	}
	return notes
}
