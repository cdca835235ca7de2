package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/duration"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
)

// ListenText shows the requests of a receiver as text.
type ListenText struct {
	// Quiet leaves out how to call the receiver, and requests with nothing to note.
	// It is set before the first call.
	Quiet bool

	w       *bufio.Writer
	st      *term.Style
	verbose bool
	failure string // the last note about an app that gave no answer, "" since it gave one
}

// NewListenText makes the renderer of listen's text output; verbose shows
// whole events.
func NewListenText(w io.Writer, st *term.Style, verbose bool) *ListenText {
	return &ListenText{w: bufio.NewWriterSize(w, 64<<10), st: st, verbose: verbose}
}

// Banner is what a receiver prints as soon as it listens.
type Banner struct {
	URL    string
	CA     string   // the CA certificate file that senders have to trust, "" for none
	Auth   string   // curl's options for the credentials, "" for none
	Token  string   // curl's options for the token endpoint, "" if there is none
	Apps   []string // the URLs that requests are passed on to, as they may be shown
	Seed   uint64   // of answers that are chosen by chance
	Chance bool     // some answers are chosen by chance
}

// Listening writes the banner: the URL, the CA, and a curl command to try it.
func (l *ListenText) Listening(b Banner) error {
	fmt.Fprintf(l.w, "%s %s\n", l.st.Bold("listening on"), l.st.Good(b.URL))
	if l.Quiet {
		return l.w.Flush()
	}
	trust := ""
	if b.CA != "" {
		fmt.Fprintf(l.w, "  %s   %s\n", l.st.Dim("CA"), b.CA)
		trust = " --cacert " + ShellQuote(b.CA)
	}
	for _, app := range b.Apps {
		fmt.Fprintf(l.w, "  %s  %s%s\n", l.st.Dim("app"), term.Clean(app), pathNote(app, b.URL))
	}
	if b.Chance {
		fmt.Fprintf(l.w, "  %s %d\n", l.st.Dim("seed"), b.Seed)
	}
	if b.Token != "" {
		fmt.Fprintf(l.w, "  %s curl%s%s -d grant_type=client_credentials %soauth/token\n", l.st.Dim("token"), trust, b.Token, b.URL)
	}
	fmt.Fprintf(l.w, "  %s  curl%s%s -H 'Content-Type: application/json' -d '{\"event_id\":\"1\",\"event_name\":\"message.delivered\",\"event_ts\":\"2022-04-12T14:53:11.958Z\",\"payload\":{}}' %s\n\n",
		l.st.Dim("try"), trust, b.Auth, b.URL)
	return l.w.Flush()
}

// pathNote says of an app whose URL has no path that the path of a request is kept.
func pathNote(app, listener string) string {
	if u, err := url.Parse(app); err != nil || u.Path != "" {
		return ""
	}
	return "; its path goes after the address, as in " + listener + "relay"
}

// Receipt writes the line of an event, cut to the terminal's width, and below it
// its findings. Flush makes it visible.
func (l *ListenText) Receipt(r *judge.Receipt) {
	if l.Quiet && r.Status == 200 && len(r.Badges) == 0 && len(r.Findings) == 0 && r.Dropped == 0 {
		return
	}
	st := l.st
	if l.w.Buffered() == 0 {
		st.Refit()
	}
	if r.Dropped > 0 {
		fmt.Fprintf(l.w, "%s\n", st.Warn(fmt.Sprintf("… %s not shown: the output is too slow", term.Count(r.Dropped, "line"))))
	}
	name := "(no event)"
	if r.Event.Raw != nil {
		name = term.NameOf(r.Event.Name)
	}
	customer, _ := judge.JourneyKey(&r.Event)
	columns := []string{st.Dim(term.Clock(r.ReceivedAt.Local())), st.NameColumn(name), st.CustomerColumn(customer), st.Status(r.Status)}
	width := term.ClockWidth + 1 + term.NameWidth + 1 + st.CustomerWidth() + 1 + 3
	if st.ShowsIDs() {
		columns = slices.Insert(columns, 3, st.IDColumn(r.Event.ID))
		width += term.IDWidth + 1
	}
	fmt.Fprint(l.w, strings.Join(columns, " "))
	by := givenBy(r.By, r.AppTook)
	fmt.Fprint(l.w, st.Dim(by))
	room := math.MaxInt
	if st.Width > 0 {
		room = st.Width - width - 1 - len(by)
	}
	if badges, columns := st.Badges(judge.BadgeTexts(r.Badges), room); columns > 0 {
		fmt.Fprint(l.w, " "+badges)
	}
	fmt.Fprintln(l.w)
	l.answer(r)
	for _, b := range r.Badges {
		if b.Kind == judge.Early && b.After != "" {
			l.note(st.Dim, "no %s before it (R-ORDER)", b.After)
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		l.note(st.FindingTone(f.Level), "%s %s", term.Clean(string(f.Level)), findingText(f))
	}
	if l.verbose && len(r.Event.Raw) > 0 {
		l.event(r.Event.Raw)
	}
	if l.verbose && r.App != nil && r.App.Status != 0 {
		l.appAnswer(r.App)
	}
}

// givenBy says who gave an answer: " app 1.3ms", " script", "" for the receiver.
func givenBy(by string, took time.Duration) string {
	switch by {
	case "":
		return ""
	case judge.ByApp:
		return " app " + duration.Text(took)
	}
	return " " + by
}

// answer writes why the answer is not the usual 200.
func (l *ListenText) answer(r *judge.Receipt) {
	if r.By == judge.ByApp && !strings.HasPrefix(r.Answer, "app: ") {
		l.failure = "" // it answers
	}
	if r.Status == 200 && r.By != judge.ByScript || r.Answer == "" {
		return
	}
	what := ""
	if r.Event.Raw == nil && r.Method != "" { // HTTP may have refused it before that was known
		what = term.Cut(term.Clean(r.Method)+" "+shownTarget(r.Path), mostTarget) + ": "
	}
	switch {
	case what == "" && (r.Answer == "by script" || r.Answer == "by the app"): // the line says it
	case what == "" && r.Answer == l.failure: // so did a line before
	default:
		l.note(l.st.Dim, "%s%s", what, term.Clean(r.Answer))
	}
	switch {
	case r.By != judge.ByApp:
	case strings.HasPrefix(r.Answer, "app: "):
		l.failure = r.Answer
	case r.App.Failed() && r.App.Said() != "":
		l.note(l.st.Dim, "%s", term.Clean(r.App.Said()))
	}
}

// appAnswer writes what the app answered.
func (l *ListenText) appAnswer(a *capture.App) {
	line := func(text string) { fmt.Fprintf(l.w, "             %s\n", l.st.Dim(term.Clean(text))) }
	line(fmt.Sprintf("answer %d of %s", a.Status, a.URL))
	for _, h := range a.Headers {
		line(h.Name + ": " + h.Value)
	}
	if len(a.Body) > 0 {
		l.event(a.Body)
	}
	if a.Truncated {
		line("… " + cmp.Or(a.Error, "the rest of its body is not kept"))
	}
}

// mostTarget is how many columns the method and path of a request without an event get.
const mostTarget = 60

// shownTarget is a request's path without the secrets in its query.
func shownTarget(target string) string { return term.Clean(capture.Redactor{}.Target(target)) }

// Flush writes out what Receipt has written.
func (l *ListenText) Flush() error { return l.w.Flush() }

// noteIndent is the indent of a note: the clock and a space.
const noteIndent = term.ClockWidth + 1

// note writes a text below a line, wrapped to the terminal's width.
func (l *ListenText) note(tone func(string) string, format string, args ...any) {
	indent := noteIndent
	for _, line := range l.st.Within(fmt.Sprintf(format, args...), noteIndent+2) {
		fmt.Fprintf(l.w, "%*s%s\n", indent, "", tone(line))
		indent = noteIndent + 2
	}
}

func (l *ListenText) event(raw []byte) {
	text, ok := capture.Indent(raw)
	if !ok {
		text = raw
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		fmt.Fprintf(l.w, "             %s\n", l.st.Dim(term.Clean(line)))
	}
}

// Finish writes the summary.
func (l *ListenText) Finish(s judge.Summary, failures []string) error {
	l.st.Refit()
	fmt.Fprintln(l.w)
	writeListenSummary(l.w, l.st, s)
	l.journeys(s.Journeys)
	for _, f := range failures {
		fmt.Fprintf(l.w, "  %s %s\n", l.st.Bad("failed on"), f)
	}
	return l.w.Flush()
}

// mostOfJourney is how many events of a customer the summary shows at most.
const mostOfJourney = 12

// journeys writes the journeys of the last few customers, in the order of event_ts.
func (l *ListenText) journeys(journeys []judge.Journey) {
	for _, j := range journeys {
		customer := term.Clean(j.Customer)
		if l.st.Width > 0 {
			customer = term.Cut(customer, max(l.st.Width-30, 20))
		}
		fmt.Fprintf(l.w, "  %s %s\n", l.st.Bold("customer "+customer), l.st.Dim("in true order, UTC"))
		left := max(0, len(j.Events)-mostOfJourney)
		if before := left + j.Forgotten; before > 0 {
			fmt.Fprintf(l.w, "    %s\n", l.st.Dim(fmt.Sprintf("… %d before", before)))
		}
		j.Events = j.Events[left:]
		for i := range j.Events {
			l.journeyEvent(&j.Events[i])
		}
	}
}

func (l *ListenText) journeyEvent(e *judge.JourneyEvent) {
	st, at, name := l.st, "no event_ts ", term.NameOf(e.Name)
	if !e.TS.IsZero() {
		at = term.Clock(e.TS.UTC())
	}
	var remarks []string
	if !e.Accepted() {
		remarks = append(remarks, "not accepted")
	}
	for _, b := range e.Badges() {
		if text := b.String(); !slices.Contains(remarks, text) {
			remarks = append(remarks, text)
		}
	}
	text, id := strings.Join(remarks, ", "), st.Dim(term.ShortID(e.ID))
	const column = 4 + term.ClockWidth + 1 + term.NameWidth + 1
	switch {
	case text == "":
	case st.Width > 0 && term.Columns(text) > st.Width-column-term.IDWidth-1: // the id gives way
		lines := st.Within(text, column)
		for i := range lines {
			lines[i] = st.Warn(lines[i])
		}
		id = strings.Join(lines, "\n"+strings.Repeat(" ", column))
	default:
		id = st.IDColumn(e.ID) + " " + st.Warn(text)
	}
	fmt.Fprintf(l.w, "    %s %s %s\n", st.Dim(at), st.NameColumn(name), id)
}

func writeListenSummary(w io.Writer, st *term.Style, s judge.Summary) {
	fmt.Fprintf(w, "  %s, %s\n", term.Count(s.Requests, "request"), eventsText(&s))
	writeNames(w, st, &s)
	if len(s.ByBadge) > 0 {
		fmt.Fprintf(w, "  %s %s\n", st.Dim("badges  "), st.Warn(tally(s.ByBadge, func(k judge.BadgeKind) string { return string(k) })))
	}
	if len(s.ByStatus) > 0 {
		fmt.Fprintf(w, "  %s %s\n", st.Dim("answers "), tally(s.ByStatus, capture.StatusText))
	}
	findings := st.Good("none")
	if s.Errors+s.Warnings > 0 {
		findings = st.Warn(findingCounts(&s))
	}
	fmt.Fprintf(w, "  %s %s\n", st.Dim("findings"), findings)
	writeFound(w, st, &s)
	for _, note := range trackingNotes(st, &s) {
		fmt.Fprintf(w, "  %s\n", note)
	}
	if s.Dropped > 0 {
		fmt.Fprintf(w, "  %s\n", st.Warn(fmt.Sprintf("%s not shown: the output was too slow (all were answered and counted)", term.Count(s.Dropped, "line"))))
	}
}

// eventsText counts the different events, and how often they came where that is
// more: "1 event in 3 arrivals".
func eventsText(s *judge.Summary) string {
	text := term.Count(s.Events, "event")
	if s.Arrivals > s.Events {
		text += " in " + term.Count(s.Arrivals, "arrival")
	}
	return text
}

// writeNames counts the events by their names.
func writeNames(w io.Writer, st *term.Style, s *judge.Summary) {
	for _, name := range sortedKeys(s.ByName) {
		fmt.Fprintf(w, "    %s %d\n", st.NameColumn(name), s.ByName[name])
	}
}

// tally writes counts in the order of their keys: "200 × 5, 500 × 1".
func tally[K cmp.Ordered](counts map[K]uint64, word func(K) string) string {
	var parts []string
	for _, k := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%s × %d", word(k), counts[k]))
	}
	return strings.Join(parts, ", ")
}

func findingCounts(s *judge.Summary) string {
	return term.Count(s.Errors, "error") + ", " + term.Count(s.Warnings, "warning")
}

// writeFound lists the findings by kind.
func writeFound(w io.Writer, st *term.Style, s *judge.Summary) {
	rest := s.Errors + s.Warnings
	for _, k := range s.Found {
		rest -= k.Count
		lead, indent := "    "+st.FindingTone(k.Level)(term.Clean(string(k.Level)))+" ", 5+len(k.Level)
		for _, line := range st.Within(findingText(&k.Finding)+" ("+foundIn(&k)+")", indent) {
			fmt.Fprintf(w, "%s%s\n", lead, line)
			lead = strings.Repeat(" ", indent)
		}
	}
	if rest > 0 && len(s.Found) > 0 {
		fmt.Fprintf(w, "    %s\n", st.Dim(fmt.Sprintf("and %d more", rest)))
	}
}

// foundIn says which events have a finding.
func foundIn(k *judge.Found) string {
	name := cmp.Or(term.Clean(k.Name), "no event_name")
	if k.Count > 1 {
		name = fmt.Sprintf("%d × %s", k.Count, name)
	}
	switch id := term.ShortID(k.First); {
	case id == "":
		return name
	case k.Count > 1:
		return name + ", first " + id
	default:
		return name + " " + id
	}
}

// trackingNotes says what the receiver could not judge.
func trackingNotes(st *term.Style, s *judge.Summary) []string {
	var notes []string
	for _, name := range s.LeftOut {
		notes = append(notes, st.Dim("no "+name+" ever came: taken as left out by the webhook's filter (R-FILTER)"))
	}
	if s.ForgottenEvents+s.ForgottenCustomers > 0 {
		notes = append(notes, st.Warn(fmt.Sprintf("not tracked further back: %s and %s were forgotten, and count as new when they come again",
			term.Count(s.ForgottenEvents, "event"), term.Count(s.ForgottenCustomers, "customer"))))
	}
	return notes
}
