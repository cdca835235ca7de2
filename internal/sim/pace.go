package sim

import (
	"context"
	"runtime"
	"time"
)

// fineWait is the last part of a wait, which is slept by the kernel's clock
// where there is one: Go's timers wake in whole milliseconds.
const fineWait = 1500 * time.Microsecond

// waitUntil waits for t, a due time of an open-loop schedule, and says whether
// ctx was not done by then. It is late by what the machine needs, never early.
func waitUntil(ctx context.Context, t time.Time) bool {
	for {
		d := time.Until(t)
		if d <= 0 {
			return ctx.Err() == nil
		}
		// Let the worker that was just given a job run first, on this thread: to wake
		// another thread would take longer than the job.
		runtime.Gosched()
		if d > fineWait {
			if !sleep(ctx, d-fineWait) {
				return false
			}
			d = time.Until(t)
		}
		if d > 0 {
			finely(d)
		}
		// On a virtual clock, as in tests, the kernel's sleep moves no time: Go's timer does.
		if d = time.Until(t); d > fineWait/2 && !sleep(ctx, d) {
			return false
		}
	}
}

// sleep waits for d and says whether ctx was not done by then.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
