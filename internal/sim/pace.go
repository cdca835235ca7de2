package sim

import (
	"context"
	"runtime"
	"time"
)

// fineWait is the last part of a wait, which is slept by the kernel's clock
// where there is one: Go's timers wake in whole milliseconds.
const fineWait = 1500 * time.Microsecond

// pacer waits for the due times of an open-loop schedule. It belongs to one
// goroutine, which it binds to its thread from the first wait until stop.
type pacer struct{ bound bool }

// until waits for t and says whether ctx was not done by then. It is late by
// what the machine needs, never early.
func (p *pacer) until(ctx context.Context, t time.Time) bool {
	for {
		d := time.Until(t)
		if d <= 0 {
			return ctx.Err() == nil
		}
		if !p.bound {
			p.bound = true
			runtime.LockOSThread()
		}
		if d > fineWait {
			if !sleep(ctx, d-fineWait) {
				return false
			}
			d = time.Until(t)
		}
		if d > 0 {
			finely(d)
		}
		// What is still left was slept on a clock that is not the kernel's.
		if d = time.Until(t); d > fineWait/2 && !sleep(ctx, d) {
			return false
		}
	}
}

func (p *pacer) stop() {
	if p.bound {
		runtime.UnlockOSThread()
		p.bound = false
	}
}

// sleep waits for d and says whether ctx was not done by then.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
