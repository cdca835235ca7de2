package check

import (
	"net/http"
	"sync/atomic"
	"testing"

	"relayctl/internal/check/testbed"
	"relayctl/internal/event"
)

// Where every event is answered 500 that was accepted before, it is not the event:
// those that follow get two attempts, until one is accepted again.
func TestFewerAttemptsWhereNoneHelp(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		var down atomic.Bool
		var calls atomic.Int32
		s, _ := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			if down.Load() {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		s.Waits = DefaultWaits()
		s.Waits.RetryScale = 1e-9
		tr, err := newRun(s).newTrial(&Check{ID: "a.b"})
		if err != nil {
			t.Fatal(err)
		}
		attempts := func() int32 {
			before := calls.Load()
			tr.Deliver(t.Context(), tr.Event("message.delivered"))
			return calls.Load() - before
		}
		attempts()
		down.Store(true)
		for n := range manyUnhealed {
			if got := attempts(); got != event.Attempts {
				t.Errorf("event %d that fails: %d attempts", n+1, got)
			}
		}
		if got := attempts(); got != 2 {
			t.Errorf("after %d that failed: %d attempts, want 2", manyUnhealed, got)
		}
		down.Store(false)
		attempts()
		down.Store(true)
		if got := attempts(); got != event.Attempts {
			t.Errorf("after one that was accepted: %d attempts", got)
		}
	})
}
