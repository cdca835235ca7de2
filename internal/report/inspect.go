package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"relayctl/internal/recv"
)

// InspectText shows journeys of a capture for people: a customer's events in
// true order, time from top to bottom, with all their arrivals.
type InspectText struct {
	w  *bufio.Writer
	st *Style
}

// NewInspectText makes the renderer of inspect's text output.
func NewInspectText(w io.Writer, st *Style) *InspectText {
	return &InspectText{bufio.NewWriterSize(w, 64<<10), st}
}

const (
	clockLayout = "15:04:05.000"
	dayLayout   = "2006-01-02"
	// pauseFrom is how long nothing happens before the picture shows a gap.
	pauseFrom = 10 * time.Second
	// pictureIndent is what stands left of the second line of an event: two
	// spaces, the clock, a space.
	pictureIndent = 2 + len(clockLayout) + 1
)

// picture is the layout of one journey.
type picture struct {
	t       *InspectText
	request int // columns of the request's number
	badge   int // columns of the badges
	id      int // columns of the event id, 0 for none
}

// Journey draws one customer's journey. Of more than most events only the last
// ones are drawn; 0 draws all.
func (t *InspectText) Journey(j *recv.Journey, most int) error {
	events := j.Events
	if most > 0 && len(events) > most {
		events = events[len(events)-most:]
	}
	p := t.layout(events)
	t.head(j)
	if n := len(j.Events) - len(events); n > 0 {
		p.note(t.st.dim, "┊ "+plural(n, "earlier event")+" not shown; --ccid shows them")
	}
	if j.Forgotten > 0 {
		p.note(t.st.dim, fmt.Sprintf("┊ the %d first arrivals are not held", j.Forgotten))
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

func (t *InspectText) head(j *recv.Journey) {
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
		from = ", " + first.Format(dayLayout) + " UTC"
	}
	count := plural(len(j.Events), "event")
	if arrivals > len(j.Events) {
		count += fmt.Sprintf(" in %d arrivals", arrivals)
	}
	if j.Partial {
		count += ", what came before is not held"
	}
	name := Clean(j.Customer)
	if t.st.Width > 0 {
		room := max(t.st.Width-runewidth.StringWidth(who+count+from)-3, 12)
		name = runewidth.Truncate(name, room, "…")
	}
	fmt.Fprintf(t.w, "%s %s, %s%s\n", who, t.st.bold(name), count, t.st.dim(from))
}

func (t *InspectText) layout(events []recv.JourneyEvent) picture {
	p := picture{t: t}
	for i := range events {
		e := &events[i]
		p.id = max(p.id, runewidth.StringWidth(Clean(e.ID)))
		for k := range e.Arrivals {
			badges := e.Arrivals[k].Badges
			if k > 0 {
				_, badges = againBadges(badges)
			}
			p.request = max(p.request, len(requestNumber(&e.Arrivals[k])))
			p.badge = max(p.badge, len(badgeText(badges)))
		}
	}
	// 2 for the mark of the event, 1 and 5 for the answer.
	room := t.st.Width - pictureIndent - 2 - nameWidth - 1 - p.request - 5
	switch {
	case t.st.Width >= wideFrom:
		p.id = min(p.id, wideID)
		p.badge = min(p.badge, room-p.id-1)
	case t.st.Width > 0:
		p.id = 0
		p.badge = max(room, 0)
	}
	return p
}

// badgeText is what badges are in one text.
func badgeText(badges []recv.Badge) string {
	texts := make([]string, len(badges))
	for i, b := range badges {
		texts[i] = Clean(b.String())
	}
	return strings.Join(texts, " ")
}

// requestNumber names a request as --curl and --diff take it, with the index
// of the member where it is a batch.
func requestNumber(a *recv.Arrival) string {
	if a.Members > 0 {
		return fmt.Sprintf("#%d[%d]", a.Seq, a.Member)
	}
	return "#" + strconv.FormatUint(a.Seq, 10)
}

// pause marks a time in which nothing happened, and a new day.
func (p picture) pause(before, after *recv.JourneyEvent) {
	if before.TS.IsZero() || after.TS.IsZero() {
		return
	}
	if d := after.TS.Sub(before.TS); d >= pauseFrom {
		p.note(p.t.st.dim, "┊ "+human(d))
	}
	if day := after.TS.Format(dayLayout); day != before.TS.Format(dayLayout) {
		fmt.Fprintf(p.t.w, "  %s\n", p.t.st.dim(day))
	}
}

func (p picture) event(e *recv.JourneyEvent) {
	st := p.t.st
	at := fit("no time", len(clockLayout))
	if !e.TS.IsZero() {
		at = e.TS.Format(clockLayout)
	}
	dot := st.name(e.Name, "●")
	if !e.Accepted() {
		dot = st.bad("○")
	}
	first := &e.Arrivals[0]
	id := ""
	if p.id > 0 {
		id = st.dim(shortID(e.ID, p.id))
	}
	p.line(fmt.Sprintf("  %s %s %s", st.dim(at), dot, st.name(e.Name, fit(nameOf(e.Name), nameWidth))), first, first.Badges, id)
	p.findings(first)
	for i := 1; i < len(e.Arrivals); i++ {
		p.again(e, i)
	}
	if e.Lacks != "" {
		p.note(st.warn, "╵ no "+e.Lacks+" came (R-FILTER, R-ORDER)")
	}
	if !e.Accepted() {
		p.note(st.bad, "╵ never accepted")
	}
}

// answer gives the request's number and how it was answered.
func (p picture) answer(a *recv.Arrival) string {
	st := p.t.st
	status, tone := strconv.Itoa(a.Status), st.good
	switch {
	case a.Status == 0:
		status, tone = "---", st.warn
	case a.Status < 200 || a.Status > 299:
		tone = st.bad
	}
	return st.dim(fmt.Sprintf("%*s", p.request, requestNumber(a))) + " " + tone(status)
}

// line writes an arrival: what it is, how it was answered, the badges that there
// is room for, and the event's id.
func (p picture) line(what string, a *recv.Arrival, badges []recv.Badge, id string) {
	shown, columns := "", 0
	for i, b := range badges {
		text := Clean(b.String())
		if columns+len(text) > p.badge {
			if more := fmt.Sprintf("+%d", len(badges)-i); columns+len(more) <= p.badge {
				shown += p.t.st.warn(more) + " "
				columns += len(more) + 1
			}
			break
		}
		columns += len(text) + 1
		tone := p.t.st.warn
		if b.Kind == recv.Conflict {
			tone = p.t.st.bad
		}
		shown += tone(text) + " "
	}
	if id != "" {
		id = strings.Repeat(" ", max(p.badge+1-columns, 0)) + id
	}
	fmt.Fprintln(p.t.w, strings.TrimRight(what+" "+p.answer(a)+" "+shown+id, " "))
}

// againBadges parts the badges that name a later arrival from the rest.
func againBadges(badges []recv.Badge) (what []string, rest []recv.Badge) {
	for _, b := range badges {
		switch b.Kind {
		case recv.AttemptBadge, recv.Duplicate, recv.Conflict:
			what = append(what, b.String())
		default:
			rest = append(rest, b)
		}
	}
	return what, rest
}

// again draws a later arrival of the event.
func (p picture) again(e *recv.JourneyEvent, i int) {
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
		after = human(d) + " later"
	}
	text := strings.Join(what, ", ") + ", " + after
	tone := st.warn
	if what[0] == string(recv.Conflict) {
		tone = st.bad
	}
	p.line(fmt.Sprintf("%*s%s %s", pictureIndent, "", st.dim(branch), tone(fit(text, nameWidth))), a, rest, "")
	p.findings(a)
}

func (p picture) findings(a *recv.Arrival) {
	for i := range a.Findings {
		f := &a.Findings[i]
		for _, line := range p.t.st.within(string(f.Level)+" "+findingText(f), pictureIndent+2) {
			p.note(p.t.st.findingTone(f.Level), "│ "+line)
		}
	}
}

// note writes a line under an event, cut to the terminal's width.
func (p picture) note(tone func(string) string, text string) {
	if w := p.t.st.Width; w > 0 {
		text = runewidth.Truncate(text, max(w-pictureIndent, 10), "…")
	}
	fmt.Fprintf(p.t.w, "%*s%s\n", pictureIndent, "", tone(text))
}
