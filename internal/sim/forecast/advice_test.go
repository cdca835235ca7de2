package forecast

import (
	"math/rand/v2"
	"testing"
	"time"

	"relayctl/internal/sim/plan"
)

// outagesOf draws outages that follow each other.
func outagesOf(rng *rand.Rand, n int, gap, length time.Duration) (out []Window) {
	at := time.Duration(0)
	for range n {
		at += time.Duration(rng.Int64N(int64(gap)))
		w := Window{at, at + 1 + time.Duration(rng.Int64N(int64(length)))}
		out, at = append(out, w), w.Until
	}
	return out
}

// What is uploaded outside all pauses is never lost, however many outages there are.
func TestPausesHoldForAllOutages(t *testing.T) {
	t.Parallel()
	shared, apart := 0, 0
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 5))
		c, p := hour(3000)
		p.Seed = seed
		c.Endpoint.Outages = outagesOf(rng, 2+rng.IntN(2), 20*time.Minute, time.Minute)
		pauses := forecastOf(t, c, p).Pauses()
		if len(pauses) < len(c.Endpoint.Outages) {
			shared++
		}
		if len(pauses) > 1 {
			apart++
		}
		stream, err := plan.New(p)
		if err != nil {
			t.Fatal(err)
		}
		kept := func(yield func(plan.Delivery, error) bool) {
			for d, err := range stream {
				held := false
				for _, w := range pauses {
					held = held || w.holds(d.Begins)
				}
				if !held && !yield(d, err) {
					return
				}
			}
		}
		f, err := Run(c, kept, always)
		if err != nil {
			t.Fatal(err)
		}
		if f.Main.Lost > 0 || f.Main.Retries > 0 {
			t.Errorf("seed %d: %d lost, %d retries with pauses %v for outages %v", seed, f.Main.Lost, f.Main.Retries, pauses, c.Endpoint.Outages)
		}
	}
	if shared < 2 || apart < 2 {
		t.Errorf("outages shared a pause %d times, and there were several %d times", shared, apart)
	}
}

// An outage as long as Survives says loses nothing, whatever the plan loses of
// answers and however few calls the endpoint takes at once.
func TestWhatSurvivesLosesNothing(t *testing.T) {
	t.Parallel()
	promised, refused := 0, 0
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 6))
		pick := func(list ...int) int { return list[rng.IntN(len(list))] }
		c, p := hour(uint64(20 + rng.IntN(60)))
		p.Seed, p.LostAcks = seed, float64(pick(0, 0, 1))/5
		c.Relay.Workers, c.Relay.Attempts = pick(1, 4, 16, 64), pick(4, 4, 2)
		c.Relay.Timeout = time.Duration(pick(1, 10)) * time.Second
		c.Endpoint.Concurrency, c.Endpoint.Latency = pick(0, 1, 3), time.Duration(pick(50, 300, 1500))*time.Millisecond
		c.Endpoint.Outage.After = c.Endpoint.Latency
		if pick(0, 0, 1) == 1 {
			c.Endpoint.Outage = Refusal{After: c.Relay.Timeout, Retried: true, Silent: true}
		}
		survives := forecastOf(t, c, p).Survives()
		if survives == 0 {
			refused++
			continue
		}
		promised++
		for range 4 {
			from := time.Duration(rng.Int64N(int64(2 * time.Minute)))
			c.Endpoint.Outages = []Window{{from, from + survives}}
			if f := forecastOf(t, c, p); f.Main.Lost > 0 {
				t.Errorf("seed %d: %d lost in an outage of %v from %v: %+v, %+v", seed, f.Main.Lost, survives, from, c.Relay, c.Endpoint)
			}
		}
	}
	if promised < 15 || refused < 15 {
		t.Errorf("promised %d times, refused %d times", promised, refused)
	}
}

// Nothing is promised of an endpoint that loses events without an outage.
func TestNoPromiseWhereTheEndpointLosesAlone(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   func(*Config, *plan.Config)
		cause Cause
	}{
		{"latency", func(c *Config, _ *plan.Config) { c.Endpoint.Latency = 15 * time.Second }, Slow},
		{"places", func(c *Config, _ *plan.Config) { c.Endpoint.Concurrency, c.Endpoint.Latency = 1, 9*time.Second }, Crowded},
		{"lost answers", func(c *Config, p *plan.Config) { c.Relay.Attempts, p.LostAcks = 1, 0.2 }, Unheard},
		{"not tried again", func(c *Config, p *plan.Config) { c.Relay.RetryTimeout, p.LostAcks = false, 0.2 }, UnheardOnce},
	} {
		config, p := hour(100)
		c.set(&config, &p)
		f := forecastOf(t, config, p)
		if f.Undamaged.Lost == 0 || f.Cause() != c.cause || len(f.Pauses()) > 0 || f.Survives() > 0 {
			t.Errorf("%s: %d lost without an outage, cause %v, pauses %v, survives %v", c.name, f.Undamaged.Lost, f.Cause(), f.Pauses(), f.Survives())
		}
	}
}

// The backlog of an outage is gone when the last event is late, not before.
func TestTheBacklogIsGoneAfterTheLastLateEvent(t *testing.T) {
	for seed := range uint64(40) {
		c, p := hour(3 + seed%5)
		p.Seed = seed
		c.Endpoint.Outages = []Window{{5 * time.Second, 5 * time.Minute}, {24 * time.Hour, 25 * time.Hour}}
		l := &line{names: &names{index: map[string]int{}}, due: c.Due}
		last := time.Duration(0)
		l.models = []model{newModel(c.Relay, c.Endpoint, func(f *fate) {
			if f.attempts > 1 || f.end-f.due > lateFrom {
				last = max(last, f.end)
			}
		}, func(time.Duration, int) {})}
		stream, err := plan.New(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Forecast{}).enqueue(stream, always, l); err != nil {
			t.Fatal(err)
		}
		m := forecastOf(t, c, p).Main
		if want := max(last, 5*time.Minute); m.Recovered != want || m.OutageEnd != 5*time.Minute {
			t.Errorf("seed %d: gone after %v, the last event was late at %v; the outage ended at %v", seed, m.Recovered, want, m.OutageEnd)
		}
	}
}
