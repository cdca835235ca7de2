package forecast

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// fated is how a delivery ended, as the sender and the model have it.
type fated struct {
	Accepted bool
	Attempts int
	At       time.Duration
}

// The sender on fake time and the model agree on every delivery: how it ended, in
// which attempt, and at which nanosecond.
func TestTheModelIsWhatTheSenderDoes(t *testing.T) {
	const parts, each = 4, 30
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			lost, late, undecided, several, alone := 0, 0, 0, 0, 0
			for i := range each {
				synctest.Test(t, func(t *testing.T) {
					trial := newTrial(rand.New(rand.NewPCG(uint64(part*each+i), 7)))
					got := trial.modelled(t)
					if got == nil {
						undecided++
						return
					}
					if len(trial.Endpoint.Outages) > 1 {
						several++
					}
					if trial.losesAlone(t) {
						alone++
					}
					want := trial.sent(t)
					if len(want) != len(got) || len(got) != len(trial.plan) {
						t.Fatalf("%v: %d and %d of %d deliveries", trial, len(want), len(got), len(trial.plan))
					}
					for seq, w := range want {
						if got[seq] != w {
							t.Errorf("%v: delivery %d due %v: the sender has %+v, the model %+v", trial, seq, trial.plan[seq].Arrives, w, got[seq])
						}
						if !w.Accepted {
							lost++
						} else if w.Attempts > 1 {
							late++
						}
					}
				})
			}
			if lost < each || late < each/3 || undecided > each/6 || several < each/3 || alone < each/6 {
				t.Errorf("too little happened: %d lost, %d late, %d undecided, %d with several outages, %d lose without one", lost, late, undecided, several, alone)
			}
		})
	}
}

// trial is a random plan with a random endpoint and relay.
type trial struct {
	Config
	answer int // during an outage, 0 for none
	rate   sim.Rate
	on     string
	plan   []plan.Delivery
}

func (r *trial) String() string {
	return fmt.Sprintf("%+v, %+v, answer %d, rate %v, retries on %s", r.Relay, r.Endpoint, r.answer, r.rate, r.on)
}

func newTrial(rng *rand.Rand) *trial {
	pick := func(list ...int) int { return list[rng.IntN(len(list))] }
	r := &trial{answer: pick(500, 500, 500, 503, 0), on: []string{sim.DefaultRetryOn, "5xx,timeout", "500", "timeout"}[pick(0, 0, 0, 1, 2, 3)]}
	r.Relay = Relay{Workers: pick(1, 2, 4, 7), Spread: pick(0, 0, 1) == 1, Attempts: pick(4, 4, 1, 2), Timeout: time.Duration(pick(1, 10)) * time.Second}
	for range pick(1, 2, 3) {
		r.Relay.Delays = append(r.Relay.Delays, time.Duration(1+rng.IntN(40_000))*time.Millisecond)
	}
	r.Endpoint.Latency = time.Duration(1+rng.IntN(1_300_000_000)) | 1
	r.Endpoint.Concurrency = pick(0, 0, 1, 3)
	from := time.Duration(0)
	for range pick(1, 1, 2, 3) {
		from += time.Duration(rng.IntN(20_000_000_000)) | 1
		until := from + time.Duration(1+rng.IntN(120_000))*time.Millisecond
		r.Endpoint.Outages = append(r.Endpoint.Outages, Window{from, until})
		from = until
	}
	if pick(0, 0, 1) == 1 {
		r.rate = sim.Rate{Calls: 1, Per: time.Duration(2+rng.IntN(700)) * time.Millisecond}
	}
	c := plan.Config{Records: uint64(1 + rng.IntN(5)), Seed: rng.Uint64(), Start: time.Unix(1e9, 0), ReorderWindow: time.Minute,
		Reorder: rng.Float64() / 2, Duplicates: rng.Float64() / 4, LostAcks: rng.Float64() / 4, Batch: pick(0, 0, 0, 3), BatchShape: event.Array}
	stream, err := plan.New(c)
	if err != nil {
		panic(err)
	}
	for d := range stream {
		d = d.Clone()
		// Calls that are due at the same time have no order at the endpoint.
		d.Arrives = d.Arrives.Truncate(time.Second) + time.Duration(len(r.plan)*3)*time.Millisecond
		r.plan = append(r.plan, d)
	}
	return r
}

func (r *trial) retryOn(t *testing.T) sim.RetryOn {
	on, err := sim.ParseRetryOn(r.on)
	if err != nil {
		t.Fatal(err)
	}
	return on
}

// modelled asks the model. It returns nil where two calls reach an endpoint that
// makes calls wait at the very same time, for their order is then open.
func (r *trial) modelled(t *testing.T) map[int]fated {
	t.Helper()
	on := r.retryOn(t)
	r.Relay.RetryTimeout = on.Retries(0, wire.Timeout)
	r.Endpoint.Outage = Refusal{After: r.Endpoint.Latency, Retried: on.Retries(r.answer, wire.NoFailure)}
	if r.answer == 0 {
		r.Endpoint.Outage = Refusal{After: r.Relay.Timeout, Retried: on.Retries(0, wire.Timeout), Silent: true}
	}
	out := map[int]fated{}
	tell := func(f *fate) { out[f.seq] = fated{f.accepted, f.attempts, f.end} }
	l := &line{names: &names{index: map[string]int{}}, due: func(n int, arrives time.Duration) time.Duration {
		if r.rate.Calls > 0 {
			return r.rate.Due(n)
		}
		return arrives
	}}
	at, together := map[time.Duration]bool{}, false
	l.models = []model{newModel(r.Relay, r.Endpoint, tell, func(now time.Duration, _ int) {
		together = together || at[now]
		at[now] = true
	})}
	if err := (&Forecast{}).enqueue(plan.Of(r.plan...), always, l); err != nil {
		t.Fatal(err)
	}
	if together && r.Endpoint.Concurrency > 0 {
		return nil
	}
	return out
}

// losesAlone says whether events of the trial are lost without an outage too.
func (r *trial) losesAlone(t *testing.T) bool {
	alone := *r
	alone.Endpoint.Outages = nil
	for _, f := range alone.modelled(t) {
		if !f.Accepted {
			return true
		}
	}
	return false
}

// sent lets the sender deliver the plan.
func (r *trial) sent(t *testing.T) map[int]fated {
	t.Helper()
	double := &double{trial: r, began: time.Now()}
	if n := r.Endpoint.Concurrency; n > 0 {
		double.slots = make(chan struct{}, n)
	}
	s, err := sim.NewSender(sim.SenderConfig{
		URL: "http://relay.test/", Dial: double.dial, Attempts: r.Relay.Attempts, RetryDelays: r.Relay.Delays, RetryOn: r.retryOn(t),
		Timeout: r.Relay.Timeout, Workers: r.Relay.Workers, Spread: r.Relay.Spread, Rate: r.rate, Original: r.rate.Calls == 0,
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := &witness{began: time.Now(), out: map[int]fated{}}
	if _, err := s.Run(t.Context(), plan.Of(r.plan...), seen); err != nil {
		t.Fatal(err)
	}
	double.handlers.Wait()
	return seen.out
}

type witness struct {
	began time.Time
	out   map[int]fated
}

func (w *witness) Attempt(*sim.Attempt) {}
func (w *witness) Outcome(o *sim.Outcome) {
	w.out[o.Delivery.Seq] = fated{o.Kind == sim.Accepted, o.Attempts, o.At.Sub(w.began)}
}

// double is the endpoint of a trial, on fake time.
type double struct {
	*trial
	began    time.Time
	slots    chan struct{}
	handlers sync.WaitGroup
}

func (d *double) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	d.handlers.Go(func() {
		defer server.Close()
		r := bufio.NewReader(server)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if status := d.answerNow(); status != 0 {
				fmt.Fprintf(server, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", status)
			}
		}
	})
	return client, nil
}

// answerNow answers a call that has just come, after its time.
func (d *double) answerNow() int {
	down := func() bool {
		for _, w := range d.Endpoint.Outages {
			if since := time.Since(d.began); since >= w.From && since < w.Until {
				return true
			}
		}
		return false
	}
	if d.slots != nil && !down() {
		select {
		case d.slots <- struct{}{}:
		case <-time.After(d.Relay.Timeout):
			return 0 // the relay has hung up
		}
		if !down() {
			defer func() { <-d.slots }()
		} else {
			<-d.slots
		}
	}
	if down() {
		if d.answer != 0 {
			time.Sleep(d.Endpoint.Latency)
		}
		return d.answer
	}
	time.Sleep(d.Endpoint.Latency)
	return http.StatusOK
}
