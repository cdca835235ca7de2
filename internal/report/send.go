package report

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// fewLines is how many attempts are shown one by one. After them, only failures
// and retries are.
const fewLines = 60

// behindMatters is the smallest delay behind the schedule that the summary mentions.
const behindMatters = 250 * time.Millisecond

// answerWidth is the width of the column with a status and a latency.
const answerWidth = 13

// SendText shows a run of send as text. Its methods are called from one goroutine
// at a time.
type SendText struct {
	// Quiet leaves out the header and what is accepted at once. It is set before
	// the first call.
	Quiet bool

	mu       sync.Mutex // guards the fields below: the progress is drawn by another goroutine
	w        *bufio.Writer
	st       *term.Style
	shown    int
	hidden   int
	reasons  reasons
	told     map[string]bool // explanations of failures that were written
	progress progress
	stop     func() // ends the goroutine that draws the progress
}

// NewSendText makes the renderer of send's text output.
func NewSendText(w io.Writer, st *term.Style) *SendText {
	return &SendText{w: bufio.NewWriterSize(w, 64<<10), st: st, told: map[string]bool{}, stop: func() {}}
}

// Header writes a line about the run before it begins.
func (s *SendText) Header(format string, args ...any) {
	if s.Quiet {
		return
	}
	text := term.Clean(fmt.Sprintf(format, args...))
	for _, line := range s.st.Wrapped(text, 0) {
		fmt.Fprintln(s.w, s.st.Dim(line))
	}
	_ = s.flush() // the error comes back with the next write
}

// Follow shows the progress if there is a screen for it, until Finish.
func (s *SendText) Follow(p Progress) {
	if p.now == nil {
		p.now = time.Now
	}
	s.progress = progress{Progress: p, began: p.now()}
	if p.Screen == nil || !p.Screen.Live {
		return
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.draw()
			case <-done:
				return
			}
		}
	}()
	s.stop = sync.OnceFunc(func() { close(done); <-ended })
}

// draw writes the buffered lines and draws the progress below them.
func (s *SendText) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.flush() // the error comes back with the next write
	screen := s.progress.Screen
	screen.Show(s.st.Dim(s.progress.line(s.progress.now(), screen.Width())))
}

// Flush implements sim.Flusher.
func (s *SendText) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.flush() // the error comes back with the next write
}

// flush writes the lines out, above the progress where both are on a terminal.
func (s *SendText) flush() error {
	if s.w.Buffered() == 0 {
		return nil
	}
	if s.progress.Screen != nil && s.st.Terminal {
		return s.progress.Screen.Above(s.w.Flush)
	}
	return s.w.Flush()
}

// Attempt implements sim.Observer.
func (s *SendText) Attempt(a *sim.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.attempt(a)
	plain := a.Number == 1 && a.Outcome == sim.Accepted && a.Status == 200
	if plain && s.Quiet {
		return
	}
	if plain && s.shown >= fewLines {
		s.hidden++
		return
	}
	s.shown++
	if s.w.Buffered() == 0 {
		s.st.Refit()
	}
	name, id := deliveryName(a.Delivery)
	status, tone := fmt.Sprint(a.Status), s.st.Good
	switch {
	case a.LostAck:
		status, tone = "lost ack", s.st.Warn
	case a.Failure != wire.NoFailure:
		status, tone = string(a.Failure), s.st.Bad
	case !event.Accepted(a.Status):
		tone = s.st.Bad
	case a.Status != 200:
		tone = s.st.Warn
	}
	who, width := s.st.CustomerColumn(customerText(a.Delivery)), answerWidth
	if s.st.ShowsIDs() {
		who += " " + s.st.IDColumn(id)
		width++
	}
	// 8 + 1 + 30 + 1 + 9 + 1 + 3 + 1 + 13 leave 13 of 80 columns for what happens next.
	fmt.Fprintf(s.w, "%s %s %s %d/%d %s %*s%s\n",
		s.st.Dim(term.Seconds(a.SentAt.Local())), s.st.NameColumn(name), who,
		a.Number, a.Of, tone(status), width-len(status)-1, duration.Text(a.Latency), s.next(a))
	if a.Failure != wire.NoFailure && a.Failure != wire.Interrupted && !a.LostAck {
		s.explain(a.Detail)
	}
	if a.Failure == wire.NoFailure && !event.Accepted(a.Status) {
		if said := capture.FirstText(a.Answer); said != "" {
			s.explain(fmt.Sprintf("answer %d: %s", a.Status, said))
		}
	}
	if a.RetryIn >= longWait && !s.Quiet {
		s.explain("--time-scale 0.01 makes the waits between attempts a hundred times shorter (R-DELAYS, assumed)")
		if a.Requests == 0 {
			s.explain("--give-up-after 2 ends the run after two attempts in a row that could not connect")
		}
	}
	if s.shown == fewLines {
		fmt.Fprintln(s.w, s.st.Dim("… from here on only failures and retries"))
	}
}

// mostDetails is how many different failures are explained.
const mostDetails = 20

// longWait is a wait before a retry at which it is told how to shorten it.
const longWait = 5 * time.Second

// explain writes why an attempt failed, once for each reason: "connect" alone does
// not tell the user what to do.
func (s *SendText) explain(text string) {
	if text == "" || s.told[text] || len(s.told) >= mostDetails {
		return
	}
	s.told[text] = true
	for _, line := range s.st.Wrapped(term.Clean(text), 9) {
		fmt.Fprintf(s.w, "         %s\n", s.st.Dim(line))
	}
}

// next is what happens after an attempt; of a copy it says so, where there is room.
func (s *SendText) next(a *sim.Attempt) string {
	text := s.outlook(a)
	switch {
	case text != "" && !s.st.ShowsIDs():
	case a.Delivery.Copy > 0:
		return s.st.Dim(" copy") + text
	case a.Delivery.Copies > 0:
		return s.st.Dim(" "+term.Count(a.Delivery.Copies, "copy")) + text
	}
	return text
}

func (s *SendText) outlook(a *sim.Attempt) string {
	switch {
	case a.Retry && a.RetryIn == 0:
		return s.st.Warn(" retry now")
	case a.Retry && !s.st.ShowsIDs(): // there is no room for more
		return s.st.Warn(" retry " + duration.Text(a.RetryIn))
	case a.Retry:
		return s.st.Warn(" retry in " + duration.Text(a.RetryIn))
	case a.Outcome == sim.Accepted && a.Number > 1:
		return s.st.Good(" accepted")
	case a.Outcome == sim.GivenUp:
		return s.st.Bad(" given up")
	case a.Outcome == sim.Refused:
		return s.st.Bad(" refused")
	}
	return ""
}

// Outcome implements sim.Observer.
func (s *SendText) Outcome(o *sim.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.outcome(o)
	if o.Kind == sim.GivenUp || o.Kind == sim.Refused {
		s.reasons.add(o.Reason)
	}
}

// customerText is the customer of a delivery, "3 ccids" for a batch with events of
// several.
func customerText(d *plan.Delivery) string {
	ccids := map[string]bool{}
	for _, e := range d.Events {
		ccids[e.CCID] = true
	}
	if len(ccids) > 1 {
		return fmt.Sprintf("%d ccids", len(ccids))
	}
	for ccid := range ccids {
		return ccid
	}
	return ""
}

func deliveryName(d *plan.Delivery) (name, id string) {
	switch len(d.Events) {
	case 0:
		return "(unreadable)", ""
	case 1:
		return term.NameOf(d.Events[0].Name), d.Events[0].ID
	}
	return fmt.Sprintf("batch of %d", len(d.Events)), d.Events[0].ID
}
