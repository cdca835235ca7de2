package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"relayctl/internal/recv"
	"relayctl/internal/sim"
)

// fewLines is how many attempts are all shown; from then on only failures,
// retries and what ends badly are.
const fewLines = 60

// behindMatters is from when on it is said that a schedule was not kept.
const behindMatters = 250 * time.Millisecond

// Widths of the columns of an attempt's line, which together fill 80 columns.
const (
	nameWidth = 30
	idWidth   = 11
	wideID    = 36 // a whole UUID, where the terminal has the room
	wideFrom  = 110

	attemptWidth = 71 // up to what happens next
)

// SendText renders a run of send for people.
type SendText struct {
	w      *bufio.Writer
	st     *Style
	shown  int
	hidden int
}

// NewSendText makes the renderer of send's text output.
func NewSendText(w io.Writer, st *Style) *SendText {
	return &SendText{w: bufio.NewWriterSize(w, 64<<10), st: st}
}

// Header says what the run is about.
func (s *SendText) Header(format string, args ...any) {
	fmt.Fprintln(s.w, s.st.dim(fmt.Sprintf(format, args...)))
	_ = s.w.Flush() // the error comes back with the next write
}

// Flush implements sim.Flusher.
func (s *SendText) Flush() { _ = s.w.Flush() } // the error comes back with the next write

// Attempt implements sim.Observer.
func (s *SendText) Attempt(a *sim.Attempt) {
	plain := a.Number == 1 && a.Outcome == sim.Accepted && a.Status == 200
	if plain && s.shown >= fewLines {
		s.hidden++
		return
	}
	if s.shown++; s.shown == fewLines {
		fmt.Fprintln(s.w, s.st.dim("… from here on only failures and retries"))
	}
	name, id := deliveryName(a.Delivery)
	status, tone := fmt.Sprint(a.Status), s.st.good
	switch {
	case a.LostAck:
		status, tone = "lost ack", s.st.warn
	case a.Failure != sim.NoFailure:
		status, tone = string(a.Failure), s.st.bad
	case a.Status >= 300:
		tone = s.st.bad
	case a.Status != 200:
		tone = s.st.warn
	}
	// 8 + 1 + 30 + 1 + 11 + 1 + 3 + 1 + 8 + 1 + 6 = attemptWidth, and the rest says what is next.
	fmt.Fprintf(s.w, "%s %s %s %d/%d %s %s%s\n",
		s.st.dim(a.SentAt.Local().Format("15:04:05")), s.st.name(name, fit(name, nameWidth)), s.st.id(id),
		a.Number, a.Of, tone(fit(status, 8)), fmt.Sprintf("%6s", human(a.Latency)), s.next(a))
	if a.Failure != sim.NoFailure && !a.LostAck && !a.Retry && a.Detail != "" {
		fmt.Fprintf(s.w, "         %s\n", s.st.dim(Clean(a.Detail)))
	}
}

func (s *SendText) next(a *sim.Attempt) string {
	switch {
	case a.Retry:
		text := " again in " + human(a.RetryIn)
		room := s.st.Width - attemptWidth
		if s.st.Width >= wideFrom {
			room -= wideID - idWidth
		}
		if s.st.Width > 0 && room < len(text) {
			text = " in " + human(a.RetryIn) // it fits the nine columns that 80 leave
		}
		return s.st.warn(text)
	case a.Outcome == sim.Accepted && a.Number > 1:
		return s.st.good(" accepted")
	case a.Outcome == sim.GivenUp:
		return s.st.bad(" given up")
	case a.Outcome == sim.Refused:
		return s.st.bad(" refused")
	}
	return ""
}

// Outcome implements sim.Observer.
func (s *SendText) Outcome(o *sim.Outcome) {
	if o.Kind == sim.Refused && s.shown <= fewLines {
		fmt.Fprintf(s.w, "         %s\n", s.st.dim(Clean(o.Reason)))
	}
}

func deliveryName(d *sim.Delivery) (name, id string) {
	switch len(d.Events) {
	case 0:
		return "(unreadable)", ""
	case 1:
		e := d.Events[0]
		if e.Name == "" {
			return "(no event_name)", e.ID
		}
		return Clean(e.Name), e.ID
	}
	return fmt.Sprintf("batch of %d", len(d.Events)), d.Events[0].ID
}

// Finish writes the totals and returns the first error of all the writing.
func (s *SendText) Finish(sum sim.Summary, embedded *recv.Summary) error {
	st := s.st
	if s.hidden > 0 {
		fmt.Fprintln(s.w, st.dim(fmt.Sprintf("… %s accepted at once are not listed", plural(s.hidden, "delivery"))))
	}
	fmt.Fprintln(s.w)
	verdict := st.good("delivered")
	switch {
	case sum.Deliveries == 0:
		verdict = st.bad("nothing was sent")
	case sum.Interrupted:
		verdict = st.warn("ended early")
	case !sum.OK():
		verdict = st.bad("not everything was delivered")
	}
	fmt.Fprintf(s.w, "%s: %s, %s\n", verdict, plural(sum.Events, "event"), plural(sum.Attempts, "attempt"))
	row := func(label, format string, args ...any) {
		fmt.Fprintf(s.w, "  %s %s\n", st.dim(fit(label, 10)), fmt.Sprintf(format, args...))
	}
	parts := []string{fmt.Sprintf("%d accepted", sum.Accepted)}
	for _, p := range []struct {
		n    int
		what string
	}{{sum.Retried, "of them after a retry"}, {sum.GivenUp, "given up (R-FOUR)"}, {sum.Refused, "refused"}, {sum.Skipped - sum.Before, "skipped"}, {sum.Before, "accepted before"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	row("outcomes", "%s", strings.Join(parts, ", "))
	parts = nil
	for _, code := range sortedKeys(sum.Statuses) {
		parts = append(parts, fmt.Sprintf("%d × %d", code, sum.Statuses[code]))
	}
	for _, f := range sortedKeys(sum.Failures) {
		parts = append(parts, fmt.Sprintf("%s × %d", f, sum.Failures[f]))
	}
	if parts != nil {
		row("answers", "%s", strings.Join(parts, ", "))
	}
	parts = nil
	for i, n := range sum.ByAttempt {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", plural(i+1, "attempt"), n))
		}
	}
	if len(sum.ByAttempt) > 1 {
		row("attempts", "%s", strings.Join(parts, ", "))
	}
	if sum.Attempts > 0 {
		row("latency", "p50 %s, p90 %s, p99 %s, max %s", human(sum.P50), human(sum.P90), human(sum.P99), human(sum.Max))
		row("rate", "%g attempts/s over %s", sum.PerSecond, human(sum.Ended.Sub(sum.Began)))
	}
	if sum.Behind >= behindMatters {
		row("behind", "calls went out up to %s after they were due: their workers were busy (more --workers make more calls at once)", human(sum.Behind))
	}
	if sum.LostAcks > 0 {
		row("lost acks", "%s dropped on purpose", plural(sum.LostAcks, "answer"))
	}
	if sum.Undoc2xx > 0 {
		row("note", "%s with another 2xx than 200; only 200 is documented (R-2XX, assumed)", plural(sum.Undoc2xx, "answer"))
	}
	if text := outageText(&sum.Outage); text != "" {
		row("outage", "%s", text)
	}
	if text := resumedText(&sum); text != "" {
		row("resumed", "%s", text)
	}
	row("seed", "%d", sum.Seed)
	if embedded != nil {
		fmt.Fprintf(s.w, "\n%s\n", st.bold("the embedded receiver's side"))
		writeListenSummary(s.w, st, *embedded)
	}
	return s.w.Flush()
}
