package check

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// enoughTimedOut is how many calls of those on the lines may have no answer in time
// before no other one is begun.
const enoughTimedOut = 4

// atOnce is how many different events are sent at the same instant.
const atOnce = 16

// lines are connections that are kept open, so that calls on them begin at the
// same instant. Close them. Not safe for concurrent use.
type lines struct {
	t        *Trial
	conns    []*wire.Conn
	once     bool // each connection serves for one call
	silences int  // calls that had no answer even alone
}

// lines makes n connections, which are kept where the endpoint can do so.
func (t *Trial) lines(ctx context.Context, n int) *lines {
	l := &lines{t: t, conns: make([]*wire.Conn, n), once: !takesSeconds(ctx, t)}
	for i := range l.conns {
		l.conns[i] = t.sender.Conn()
	}
	return l
}

// Close closes the connections.
func (l *lines) Close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// send makes one call with each event and returns what came of them in their
// order. As many calls as there are lines begin at the same instant; where
// there are more events, the next one follows on each line that is free.
func (l *lines) send(ctx context.Context, events []plan.Delivery) ([]Exchange, error) {
	signed, err := l.t.Sign(ctx)
	if err != nil {
		return nil, err
	}
	answers := make([]Exchange, len(events))
	if at := l.t.live.lapse(); at != nil {
		for i := range answers {
			answers[i] = Exchange{Call: wire.Call{Body: events[i].Body, Signed: signed}, Answer: wire.Result{Failure: wire.Timeout, Detail: at.describe()}}
		}
		return answers, nil
	}
	leave, _ := l.t.live.enter(ctx, false)
	defer leave()
	start := make(chan struct{})
	var next, timedOut atomic.Int64
	var gone atomic.Pointer[Lapse]
	var ready, done sync.WaitGroup
	for _, c := range l.conns[:min(len(l.conns), len(events))] {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			for i := next.Add(1) - 1; i < int64(len(events)); i = next.Add(1) - 1 {
				k := wire.Call{Body: events[i].Body, Signed: signed, Details: true, KeepBody: keepAnswer}
				if timedOut.Load() >= enoughTimedOut {
					answers[i] = Exchange{Call: k, Answer: wire.Result{Failure: wire.Timeout, Detail: "not sent any more, after others had no answer"}}
					continue
				}
				answers[i] = l.t.do(ctx, c, k)
				if answers[i].Answer.Failure == wire.Timeout {
					timedOut.Add(1)
				}
				if at := l.t.watchFor(answers[i]); at != nil {
					gone.CompareAndSwap(nil, at)
				}
				if l.once {
					c.Close()
				}
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	if at := gone.Load(); at != nil && l.t.isGone(ctx, at) {
		l.t.live.lost(at)
	}
	return answers, nil
}

// flood delivers n events of fresh customers, spread over that time, or as fast
// as they are answered when it is 0, and returns how many were accepted. It ends
// after limit, or when the endpoint is gone.
func (t *Trial) flood(ctx context.Context, n int, over, limit time.Duration) int {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	l := t.lines(ctx, atOnce)
	defer l.Close()
	began := time.Now()
	accepted := 0
	for sent := 0; sent < n && ctx.Err() == nil; {
		size := min(4*atOnce, n-sent)
		if due := began.Add(over * time.Duration(sent) / time.Duration(n)); over > 0 {
			size = min(atOnce, size)
			if !wait(ctx, time.Until(due)) {
				break
			}
		}
		events := make([]plan.Delivery, size)
		for i := range events {
			events[i] = t.Event("message.delivered")
		}
		answers, err := l.send(ctx, events)
		if err != nil {
			break
		}
		for _, x := range answers {
			if x.Accepted() {
				accepted++
			}
		}
		sent += size
		if t.live.lapse() != nil {
			break
		}
	}
	return accepted
}
