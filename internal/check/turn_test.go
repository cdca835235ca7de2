package check

import (
	"context"
	"testing"
	"time"

	"relayctl/internal/check/testbed"
)

// Who waits for a turn gives up with its context, and the next one gets it.
func TestAWaiterGivesUpItsTurn(t *testing.T) {
	testbed.Bubble(t, func(t *testing.T) {
		var o once[string]
		go o.get(t.Context(), func(context.Context) string {
			time.Sleep(time.Minute)
			return "found"
		})
		time.Sleep(time.Second)
		began := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got := o.get(short, func(ctx context.Context) string { return ctx.Err().Error() }); got != context.DeadlineExceeded.Error() {
			t.Errorf("the one whose time was over got %q", got)
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("it waited for %s", waited)
		}
		if got := o.get(t.Context(), func(context.Context) string { return "done again" }); got != "found" {
			t.Errorf("the one who could wait got %q", got)
		}
	})
}
