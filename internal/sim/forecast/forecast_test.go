package forecast

import (
	"math/rand/v2"
	"testing"
	"time"

	"relayctl/internal/sim/plan"
)

func forecastOf(t testing.TB, c Config, p plan.Config) *Forecast {
	t.Helper()
	stream, err := plan.New(p)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Run(c, stream, always)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// An hour costs each worker an event every 160 seconds and four calls (R-FOUR).
func TestAnHourCostsWhatItsWorkersGiveUp(t *testing.T) {
	c, p := hour(10_000)
	f := forecastOf(t, c, p)
	for _, v := range f.Table {
		want := map[int]int{1: 22 * v.Workers, 10: 2 * v.Workers, 60: 0}[v.Delays]
		if v.Result.Lost != want {
			t.Errorf("%d workers, delays times %d: %d lost, want %d", v.Workers, v.Delays, v.Result.Lost, want)
		}
	}
	what, low, high := f.Decisive()
	if what != "workers" || low.Workers != 1 || high.Workers != 64 {
		t.Errorf("%s decides, from %d to %d", what, low.Workers, high.Workers)
	}
	m := f.Main
	sum := NameCount{}
	for _, n := range m.ByName {
		sum.AtOnce, sum.Late, sum.Lost = sum.AtOnce+n.AtOnce, sum.Late+n.Late, sum.Lost+n.Lost
	}
	if sum != (NameCount{AtOnce: m.AtOnce, Late: m.Late, Lost: m.Lost}) || m.Events != m.AtOnce+m.Late+m.Lost || m.Calls != f.Deliveries+m.Retries {
		t.Errorf("the totals do not add up: %+v, by name %+v", m, sum)
	}
	if f.Rebatched.Lost != 22*50 {
		t.Errorf("%d lost in batches", f.Rebatched.Lost)
	}
	if until := c.Endpoint.Outages[0].Until; m.Recovered < until || m.Recovered > m.Last+time.Second {
		t.Errorf("recovered at %v, the outage ends at %v, the run at %v", m.Recovered, until, m.Last)
	}
}

// Who ends the last upload early enough loses nothing.
func TestQuietBeforeAnOutageLosesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 3))
		c, p := hour(uint64(50 + rng.IntN(400)))
		p.Seed, p.Reorder, p.ReorderWindow = seed, rng.Float64()/2, time.Minute
		if rng.IntN(2) == 0 {
			per := time.Duration(10+rng.IntN(400)) * time.Millisecond
			c.Due = func(n int, _ time.Duration) time.Duration { return time.Duration(n) * per }
		}
		c.Relay.Workers = 1 + rng.IntN(8)
		f := forecastOf(t, c, p)
		// The last upload is when the last record's first event is due, at the latest.
		from := f.lastUpload(t, p) + f.Quiet()
		c.Endpoint.Outages = []Window{{from, from + time.Hour}}
		if f := forecastOf(t, c, p); f.Main.Lost > 0 || f.Main.Last > from {
			t.Errorf("seed %d: %d lost, the last call ends at %v, the outage begins at %v", seed, f.Main.Lost, f.Main.Last, from)
		}
	}
}

func (f *Forecast) lastUpload(t *testing.T, p plan.Config) (last time.Duration) {
	t.Helper()
	stream, err := plan.New(p)
	if err != nil {
		t.Fatal(err)
	}
	begins := time.Duration(-1)
	n := 0
	for d, err := range stream {
		if err != nil {
			t.Fatal(err)
		}
		if d.Begins > begins {
			begins, last = d.Begins, f.Due(n, d.Begins)
		}
		n++
	}
	return last
}

// The outline of a plan is the plan, but for what is left out.
func TestOutlineIsThePlan(t *testing.T) {
	for seed := range uint64(10) {
		p := plan.Config{Records: 60, Seed: seed, Start: time.Unix(1e9, 0), Reorder: 0.3, ReorderWindow: time.Minute, Duplicates: 0.2, LostAcks: 0.2}
		if seed%2 == 1 {
			p.Batch = 7
		}
		var whole []plan.Delivery
		add := func(d plan.Delivery) {
			d = d.Clone()
			d.Body = nil
			for i := range d.Events {
				d.Events[i].ID, d.Events[i].TS = "", d.Events[i].TS.UTC()
			}
			whole = append(whole, d)
		}
		stream, _ := plan.New(p)
		for d := range stream {
			add(d)
		}
		p.Outline = true
		stream, _ = plan.New(p)
		n := 0
		for d := range stream {
			w := whole[n]
			n++
			if w.Lane != d.Lane || w.Arrives != d.Arrives || w.Begins != d.Begins || w.LostAcks != d.LostAcks || len(w.Events) != len(d.Events) || w.Events[0].Name != d.Events[0].Name || w.Events[0].CCID != d.Events[0].CCID {
				t.Fatalf("seed %d: %+v became %+v", seed, w, d)
			}
		}
		if n != len(whole) {
			t.Fatalf("seed %d: %d of %d", seed, n, len(whole))
		}
	}
}
