package report

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"time"

	"relayctl/internal/sim"
)

// fewLines is how many attempts are all shown; from then on only failures,
// retries and what ends badly are.
const fewLines = 60

// behindMatters is from when on it is said that a schedule was not kept.
const behindMatters = 250 * time.Millisecond

// Widths of the columns of an attempt's line.
const (
	nameWidth   = 30
	idWidth     = 11
	wideID      = 36 // a whole UUID, where the terminal has the room
	wideFrom    = 110
	answerWidth = 14 // a status and a latency
	// slimID is what 80 columns leave when they are to say what happens next.
	slimID   = 6
	slimUpTo = 84
)

// SendText renders a run of send for people. Its methods are called from one
// goroutine at a time.
type SendText struct {
	mu       sync.Mutex // guards what follows from the clock's goroutine
	w        *bufio.Writer
	st       *Style
	shown    int
	hidden   int
	reasons  reasons
	told     map[string]bool // the explanations of failures that were given
	progress progress
	stop     func() // ends the clock's goroutine
}

// NewSendText makes the renderer of send's text output.
func NewSendText(w io.Writer, st *Style) *SendText {
	return &SendText{w: bufio.NewWriterSize(w, 64<<10), st: st, told: map[string]bool{}, stop: func() {}}
}

// Header says what the run is about.
func (s *SendText) Header(format string, args ...any) {
	text := Clean(fmt.Sprintf(format, args...))
	for _, line := range s.st.wrapped(text, 0) {
		fmt.Fprintln(s.w, s.st.dim(line))
	}
	_ = s.flush() // the error comes back with the next write
}

// Follow shows the progress where there is a screen for it. Finish ends it.
func (s *SendText) Follow(p Progress) {
	if p.now == nil {
		p.now = time.Now
	}
	s.progress = progress{Progress: p, began: p.now()}
	if p.Screen == nil || !p.Screen.live {
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

// draw draws the progress anew, below the lines that have gathered.
func (s *SendText) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.flush() // the error comes back with the next write
	screen := s.progress.Screen
	screen.show(s.st.dim(s.progress.line(s.progress.now(), screen.width())))
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
		return s.progress.Screen.above(s.w.Flush)
	}
	return s.w.Flush()
}

// Attempt implements sim.Observer.
func (s *SendText) Attempt(a *sim.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.attempt(a)
	plain := a.Number == 1 && a.Outcome == sim.Accepted && a.Status == 200
	if plain && s.shown >= fewLines {
		s.hidden++
		return
	}
	s.shown++
	if s.w.Buffered() == 0 {
		s.st.refit()
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
	// 8 + 1 + 30 + 1 + 6 + 1 + 3 + 1 + 14 leave 15 of 80 columns to say what is next.
	fmt.Fprintf(s.w, "%s %s %s %d/%d %s %*s%s\n",
		s.st.dim(a.SentAt.Local().Format("15:04:05")), s.st.name(name, fit(name, nameWidth)), s.id(id),
		a.Number, a.Of, tone(status), answerWidth-len(status)-1, human(a.Latency), s.next(a))
	if a.Failure != sim.NoFailure && a.Failure != sim.Interrupted && !a.LostAck {
		s.explain(a.Detail)
	}
	if s.shown == fewLines {
		fmt.Fprintln(s.w, s.st.dim("… from here on only failures and retries"))
	}
}

// mostDetails is how many kinds of failure are explained.
const mostDetails = 20

// explain words a failure, where the same was not said before: who sees no
// more than "connect" and a wait of ten seconds wants to know why.
func (s *SendText) explain(text string) {
	if text == "" || s.told[text] || len(s.told) >= mostDetails {
		return
	}
	s.told[text] = true
	for _, line := range s.st.wrapped(Clean(text), 9) {
		fmt.Fprintf(s.w, "         %s\n", s.st.dim(line))
	}
}

// id is the id column, which is the first to make room.
func (s *SendText) id(id string) string {
	if s.st.Width > 0 && s.st.Width <= slimUpTo {
		return s.st.dim(fit(shortID(id, slimID), slimID))
	}
	return s.st.id(id)
}

func (s *SendText) next(a *sim.Attempt) string {
	switch {
	case a.Retry && a.RetryIn == 0:
		return s.st.warn(" retry at once")
	case a.Retry:
		return s.st.warn(" retry in " + human(a.RetryIn))
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.outcome(o)
	if o.Kind == sim.GivenUp || o.Kind == sim.Refused {
		s.reasons.add(o.Reason)
	}
}

func deliveryName(d *sim.Delivery) (name, id string) {
	switch len(d.Events) {
	case 0:
		return "(unreadable)", ""
	case 1:
		return nameOf(d.Events[0].Name), d.Events[0].ID
	}
	return fmt.Sprintf("batch of %d", len(d.Events)), d.Events[0].ID
}
