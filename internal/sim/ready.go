package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relayctl/internal/sim/wire"
)

// Reach connects to the endpoint once, as a call does: with TLS, and within the deadline
// of a call. The error says what went wrong and what to do; nothing is sent.
func (s *Sender) Reach(ctx context.Context) error {
	return s.unreached(s.target.Greet(ctx, s.cfg.Timeout))
}

// WaitReady repeats Reach until it succeeds, for d at most. A TLS handshake that fails is
// not repeated (ErrHandshake), because it would fail again. waiting is told why, once, when
// the first try has failed and others follow; nil for nobody.
func (s *Sender) WaitReady(ctx context.Context, d time.Duration, waiting func(why error)) error {
	return waitFor(ctx, d, waiting, func(left time.Duration) (why error, again bool) {
		a := s.target.Greet(ctx, min(left, s.cfg.Timeout))
		return s.unreached(a), a.Failure != wire.TLS
	})
}

// ErrHandshake says that the endpoint accepts connections, but not by TLS.
var ErrHandshake = errors.New("TLS handshake")

func (s *Sender) unreached(a wire.Result) error {
	switch a.Failure {
	case wire.NoFailure:
		return nil
	case wire.TLS:
		return fmt.Errorf("the %w with %s failed: %s", ErrHandshake, s.target.Addr(), a.Detail)
	}
	return notAccepted(s.target, a.Detail)
}

func notAccepted(target *wire.Target, why string) error {
	if target.Behind() { // it may never have been asked
		return fmt.Errorf("%s is not reached: %s", target.Addr(), why)
	}
	return fmt.Errorf("%s does not accept connections: %s", target.Addr(), why)
}

// WaitReady waits until the host of that configuration accepts connections, for d at most;
// it makes no TLS handshake. The error is the last failure before the time was over or ctx
// was done. waiting is as for the Sender's.
func WaitReady(ctx context.Context, to wire.TargetConfig, d time.Duration, waiting func(why error)) error {
	target := wire.NewTarget(to)
	return waitFor(ctx, d, waiting, func(left time.Duration) (error, bool) {
		ctx, cancel := context.WithTimeout(ctx, left)
		defer cancel()
		if err := target.Reach(ctx); err != nil {
			return notAccepted(target, target.Explain(err)), true
		}
		return nil, true
	})
}

// waitFor calls try until it succeeds or says that trying again is of no use, for d at
// most. It returns the last failure before the time was over.
func waitFor(ctx context.Context, d time.Duration, waiting func(why error), try func(left time.Duration) (why error, again bool)) error {
	end := time.Now().Add(d)
	var why error
	for {
		err, again := try(max(0, time.Until(end)))
		if err == nil {
			return nil
		}
		if why == nil || ctx.Err() == nil && time.Now().Before(end) {
			why = err // that the time was up says nothing of the endpoint
		}
		if !again || time.Until(end) <= 0 {
			return why
		}
		if waiting != nil {
			waiting(why)
			waiting = nil
		}
		if !sleep(ctx, min(100*time.Millisecond, time.Until(end))) {
			return why
		}
	}
}
