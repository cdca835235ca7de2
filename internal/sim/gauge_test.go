package sim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestGauge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Gauge
		if g.Load() != (Load{}) {
			t.Error("before the run")
		}
		cfg := relay()
		cfg.Gauge, cfg.Workers, cfg.Attempts = &g, 3, 2
		e := &endpoint{}
		e.answer = func(_ int, body string) int {
			if strings.Contains(body, `"a"`) {
				return 500
			}
			return 0 // hangs until the deadline of 10s
		}
		seen := map[time.Duration]Load{}
		began := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, at := range []time.Duration{5 * time.Second, 15 * time.Second, 25 * time.Second} {
				time.Sleep(at - time.Since(began))
				seen[at] = g.Load()
			}
		}()
		e.run(t, cfg, one("a", 0), one("b", 1), one("c", 1))
		<-done
		// a: 500 at 0s and 10s. b: hangs 0–10s, waits, hangs 20–30s; c is behind it.
		if want := (Load{InFlight: 1, Waiting: 1, Queued: 1, Next: began.Add(10 * time.Second)}); seen[5*time.Second] != want {
			t.Errorf("after 5s %+v, want %+v", seen[5*time.Second], want)
		}
		if want := (Load{Waiting: 1, Queued: 1, Next: began.Add(20 * time.Second)}); seen[15*time.Second] != want {
			t.Errorf("after 15s %+v, want %+v", seen[15*time.Second], want)
		}
		if want := (Load{InFlight: 1, Queued: 1}); seen[25*time.Second] != want {
			t.Errorf("after 25s %+v, want %+v", seen[25*time.Second], want)
		}
		if got := g.Load(); got != (Load{}) {
			t.Errorf("after the run %+v", got)
		}
	})
}
