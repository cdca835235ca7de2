package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
)

// InspectText shows journeys of a capture as text: a customer's events in
// the order of event_ts, from top to bottom, each with all its arrivals.
type InspectText struct {
	w  *bufio.Writer
	st *term.Style
}

// NewInspectText makes the renderer of inspect's text output.
func NewInspectText(w io.Writer, st *term.Style) *InspectText {
	return &InspectText{bufio.NewWriterSize(w, 64<<10), st}
}

const (
	// pauseFrom is the shortest time without events that the picture shows.
	pauseFrom = 10 * time.Second
	// pictureIndent is the indent of the second line of an event: two spaces, the
	// clock, a space.
	pictureIndent = 2 + term.ClockWidth + 1
)

// picture is the layout of one journey.
type picture struct {
	t       *InspectText
	request int // columns of the request's number
	badge   int // columns of the badges
	id      int // columns of the event id, 0 for none
}

// Journey draws one customer's journey: its last most events, or all if most is 0.
func (t *InspectText) Journey(j *judge.Journey, most int) error {
	events := j.Events
	if most > 0 && len(events) > most {
		events = events[len(events)-most:]
	}
	p := t.layout(events)
	t.head(j)
	if n := len(j.Events) - len(events); n > 0 {
		p.note(t.st.Dim, "┊ "+term.Count(n, "earlier event")+" not shown; --ccid shows them")
	}
	if j.Forgotten > 0 {
		p.note(t.st.Dim, "┊ "+term.Count(j.Forgotten, "arrival")+" before are not held")
	}
	for i := range events {
		if i > 0 {
			p.pause(&events[i-1], &events[i])
		}
		p.event(&events[i])
	}
	fmt.Fprintln(t.w)
	return t.w.Flush()
}

func (t *InspectText) head(j *judge.Journey) {
	arrivals := 0
	for i := range j.Events {
		arrivals += len(j.Events[i].Arrivals)
	}
	who := "customer"
	if j.NoCCID {
		who = "customer_id"
	}
	from := ""
	if first := j.Events[0].TS; !first.IsZero() {
		from = ", " + term.Day(first) + " UTC"
	}
	count := term.Count(len(j.Events), "event")
	if arrivals > len(j.Events) {
		count += " in " + term.Count(arrivals, "arrival")
	}
	if j.Partial {
		count += ", what came before is not held"
	}
	name := term.Clean(j.Customer)
	if t.st.Width > 0 {
		room := max(t.st.Width-term.Columns(who+count+from)-3, 12)
		name = term.Cut(name, room)
	}
	fmt.Fprintf(t.w, "%s %s, %s%s\n", who, t.st.Bold(name), count, t.st.Dim(from))
}

func (t *InspectText) layout(events []judge.JourneyEvent) picture {
	p := picture{t: t}
	for i := range events {
		e := &events[i]
		p.id = max(p.id, term.Columns(term.ShortID(e.ID)))
		for k := range e.Arrivals {
			badges := judge.BadgeTexts(e.Arrivals[k].Badges)
			if k > 0 {
				_, badges = againBadges(e.Arrivals[k].Badges)
			}
			p.request = max(p.request, len(requestNumber(&e.Arrivals[k])))
			p.badge = max(p.badge, term.Columns(term.Clean(strings.Join(badges, " "))))
		}
	}
	// 2 for the mark of the event, 1 and 5 for the answer.
	room := t.st.Width - pictureIndent - 2 - term.NameWidth - 1 - p.request - 5
	switch {
	case t.st.ShowsIDs() && t.st.Width > 0:
		p.badge = min(p.badge, room-p.id-1)
	case t.st.Width > 0:
		p.id = 0
		p.badge = max(room, 0)
	}
	return p
}

// requestNumber is the number of a request as --curl and --diff take it. In a
// batch the index of the event follows.
func requestNumber(a *judge.Arrival) string {
	if a.Members > 0 {
		return fmt.Sprintf("#%d[%d]", a.Seq, a.Member)
	}
	return "#" + strconv.FormatUint(a.Seq, 10)
}

// pause writes how long nothing happened, if it was long, and the date of a new day.
func (p picture) pause(before, after *judge.JourneyEvent) {
	if before.TS.IsZero() || after.TS.IsZero() {
		return
	}
	if d := after.TS.Sub(before.TS); d >= pauseFrom {
		p.note(p.t.st.Dim, "┊ "+duration.Text(d))
	}
	if day := term.Day(after.TS); day != term.Day(before.TS) {
		fmt.Fprintf(p.t.w, "  %s\n", p.t.st.Dim(day))
	}
}

func (p picture) event(e *judge.JourneyEvent) {
	st := p.t.st
	at := term.Fit("no time", term.ClockWidth)
	if !e.TS.IsZero() {
		at = term.Clock(e.TS)
	}
	dot := st.Name(e.Name, "●")
	if !e.Accepted() {
		dot = st.Bad("○")
	}
	first := &e.Arrivals[0]
	id := ""
	if p.id > 0 {
		id = st.Dim(term.ShortID(e.ID))
	}
	p.line(fmt.Sprintf("  %s %s %s", st.Dim(at), dot, st.NameColumn(e.Name)), first, judge.BadgeTexts(first.Badges), id)
	p.appSaid(first)
	p.findings(first)
	for i := 1; i < len(e.Arrivals); i++ {
		p.again(e, i)
	}
	if e.Lacks != "" {
		p.note(st.Warn, "╵ no "+e.Lacks+" came (R-FILTER, R-ORDER)")
	}
	if !e.Accepted() {
		p.note(st.Bad, "╵ never accepted")
	}
}

// answer is the request's number and the status of its answer.
func (p picture) answer(a *judge.Arrival) string {
	return p.t.st.Dim(fmt.Sprintf("%*s", p.request, requestNumber(a))) + " " + p.t.st.Status(a.Status)
}

// line writes an arrival: what it is, its answer, as many badges as fit, and the
// event's id.
func (p picture) line(what string, a *judge.Arrival, badges []string, id string) {
	shown, columns := p.t.st.Badges(badges, p.badge)
	if id != "" {
		id = strings.Repeat(" ", p.badge-columns+1) + id
	}
	fmt.Fprintln(p.t.w, strings.TrimRight(what+" "+p.answer(a)+" "+shown+id, " "))
}

// againBadges separates the badges that say why the event came again from the
// others.
func againBadges(badges []judge.Badge) (what, rest []string) {
	for _, b := range badges {
		switch b.Kind {
		case judge.Attempt, judge.Duplicate, judge.Conflict:
			what = append(what, b.String())
		default:
			rest = append(rest, b.String())
		}
	}
	return what, rest
}

// again draws a later arrival of the event.
func (p picture) again(e *judge.JourneyEvent, i int) {
	st, a := p.t.st, &e.Arrivals[i]
	what, rest := againBadges(a.Badges)
	if what == nil {
		what = []string{"again"}
	}
	branch := "├"
	if i == len(e.Arrivals)-1 {
		branch = "└"
	}
	after := "at once"
	if d := a.ReceivedAt.Sub(e.Arrivals[i-1].ReceivedAt); d >= time.Millisecond {
		after = duration.Text(d) + " later"
	}
	text := strings.Join(what, ", ") + ", " + after
	tone := st.BadgeTone(what[0])
	p.line(fmt.Sprintf("%*s%s %s", pictureIndent, "", st.Dim(branch), tone(term.Fit(text, term.NameWidth))), a, rest, "")
	p.appSaid(a)
	p.findings(a)
}

// appSaid writes the first line of what an app that failed answered.
func (p picture) appSaid(a *judge.Arrival) {
	if a.AppSaid == "" {
		return
	}
	for _, line := range p.t.st.Within(fmt.Sprintf("%s: %s", strings.TrimSpace(givenBy(a.By, a.AppTook)), term.Clean(a.AppSaid)), pictureIndent+2) {
		p.note(p.t.st.Dim, "│ "+line)
	}
}

func (p picture) findings(a *judge.Arrival) {
	for i := range a.Findings {
		f := &a.Findings[i]
		for _, line := range p.t.st.Within(term.Clean(string(f.Level))+" "+findingText(f), pictureIndent+2) {
			p.note(p.t.st.FindingTone(f.Level), "│ "+line)
		}
	}
}

// note writes a line below an event, cut to the terminal's width.
func (p picture) note(tone func(string) string, text string) {
	if w := p.t.st.Width; w > 0 {
		text = term.Cut(text, max(w-pictureIndent, 10))
	}
	fmt.Fprintf(p.t.w, "%*s%s\n", pictureIndent, "", tone(text))
}
