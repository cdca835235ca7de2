package check

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/wire"
)

// lifeline is a connection on which nothing is sent: it breaks when the process
// at its other end does, even if another takes its place at once. Not safe for
// concurrent use.
type lifeline struct {
	t    *Trial
	conn net.Conn // nil where there is none that can be relied on
}

// newLifeline opens one. An endpoint that serves nobody else meanwhile, or that
// closes it soon, has none.
func newLifeline(ctx context.Context, t *Trial) *lifeline {
	l := &lifeline{t: t}
	l.open(ctx)
	if t.Control(ctx) != "" || l.broken() {
		l.close()
	}
	return l
}

func (l *lifeline) open(ctx context.Context) {
	l.close()
	if conn, err := l.t.dial(ctx); err == nil {
		l.conn = conn
	}
}

func (l *lifeline) close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// breath is how long a process has to end in, after its answer.
const breath = 30 * time.Millisecond

// broken says whether the connection has ended.
func (l *lifeline) broken() bool { return l.brokenWithin(breath) }

func (l *lifeline) brokenWithin(d time.Duration) bool {
	if l.conn == nil {
		return false
	}
	if l.conn.SetReadDeadline(time.Now().Add(d)) != nil {
		return true
	}
	_, err := l.conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// brokenBy makes sure that a call breaks connections, and that time alone does
// not. It leaves a connection that can be relied on, or none.
func (l *lifeline) brokenBy(ctx context.Context, k wire.Call) bool {
	defer l.t.live.excuse()()
	l.t.Control(ctx)
	wait(ctx, l.t.Waits.Revive) // the process comes back
	l.open(ctx)
	if l.brokenWithin(l.t.Waits.Revive) {
		l.close() // time alone does
		return false
	}
	l.t.Post(ctx, k)
	broken := l.brokenWithin(l.t.Waits.Revive)
	l.open(ctx)
	return broken
}

// remembered is a customer whose state was right before something was tried.
type remembered struct{ subject *subject }

// knownCustomer is the run's early customer; it is empty where there is no probe, or
// where nothing can be said of states.
func knownCustomer(ctx context.Context, t *Trial) remembered {
	if t.Probe == nil || t.checkProbe(ctx).blocked != "" {
		return remembered{}
	}
	s, _, _ := t.early.get()
	if s == nil {
		return remembered{}
	}
	ref := t.reference(ctx, s.story)
	if seen := t.states.becomes(ctx, s, ref.has); seen.unclear() != "" || !ref.has(seen.state) {
		return remembered{}
	}
	return remembered{s}
}

// forgotten says what of the customer's state is gone, "" when nothing is.
func (r remembered) forgotten(ctx context.Context, t *Trial) string {
	if r.subject == nil {
		return ""
	}
	ref := t.reference(ctx, r.subject.story)
	seen := t.states.becomes(ctx, r.subject, func(n *state.State) bool { return ref.has(n) })
	if seen.unclear() != "" || ref.has(seen.state) {
		return ""
	}
	return "what was known before is forgotten, as after a restart: " + ref.difference(seen.state)
}

// idle says what of a new customer's events is lost, "" when nothing is: what takes the
// events from the queue may have ended with one of the bodies, while the endpoint goes
// on answering.
func (r remembered) idle(ctx context.Context, t *Trial) string {
	if r.subject == nil {
		return ""
	}
	ref, s := t.reference(ctx, r.subject.story), t.subject(r.subject.story)
	if t.tell(ctx, s, s.inOrder()) != "" {
		return ""
	}
	for end := time.Now().Add(t.Waits.Settle); ; {
		seen := t.states.becomes(ctx, s, ref.has)
		switch {
		case seen.unclear() != "" || ref.has(seen.state) || ctx.Err() != nil:
			return ""
		case time.Now().After(end):
			return "events that were accepted after them have no effect: " + ref.difference(seen.state)
		}
	}
}
