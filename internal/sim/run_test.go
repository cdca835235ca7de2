package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// Whatever an endpoint does, every event ends in one of four ways, and the
// summary says the same as the facts.
func TestTheTotalsAddUp(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			says := []int{200, 200, 200, 201, 302, 400, 401, 500, 500, 503, 0, -1}
			e := &endpoint{began: time.Now(), answer: func(int, string) int { return says[rng.IntN(len(says))] }}
			cfg := relay()
			cfg.URL, cfg.Dial = "http://relay.test/", e.dial
			cfg.Workers, cfg.Spread, cfg.Attempts = 1+rng.IntN(8), rng.IntN(2) == 0, 1+rng.IntN(5)
			if rng.IntN(2) == 0 {
				cfg.Rate = Rate{1 + 20*rng.Float64(), time.Second}
			}
			events := 0
			var ds []plan.Delivery
			for i := range 1 + rng.IntN(80) {
				d := one(fmt.Sprint("e", i), rng.Uint64())
				for range rng.IntN(3) {
					d.Events = append(d.Events, d.Events[0])
				}
				d.LostAcks = max(0, rng.IntN(12)-9)
				events += len(d.Events)
				ds = append(ds, d)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			whole := rng.IntN(3) > 0
			if !whole {
				defer time.AfterFunc(time.Duration(rng.IntN(100))*time.Second, cancel).Stop()
			}
			s, err := NewSender(cfg)
			if err != nil {
				t.Fatal(err)
			}
			tally := &tally{ended: map[string]OutcomeKind{}}
			sum, err := s.Run(ctx, planOf(ds...), tally)
			e.handlers.Wait()
			tally.check(t, sum)
			if ctx.Err() == nil && (sum.Events != events || sum.Deliveries != len(ds) || err != nil) {
				t.Errorf("seed %d: %d events of %d, %v", seed, sum.Events, events, err)
			}
		})
	}
}

// tally counts the facts on its own.
type tally struct {
	attempts, lost int
	latencies      int
	kinds          [4]int
	ended          map[string]OutcomeKind
	twice          bool
}

func kindIndex(k OutcomeKind) int {
	return slices.Index([]OutcomeKind{Accepted, GivenUp, Refused, Skipped}, k)
}

func (c *tally) Attempt(a *Attempt) {
	c.attempts++
	if a.LostAck {
		c.lost++
	}
	if a.Latency >= a.Took {
		c.latencies++
	}
}

func (c *tally) Outcome(o *Outcome) {
	id := o.Delivery.Events[0].ID
	if _, ok := c.ended[id]; ok {
		c.twice = true
	}
	c.ended[id] = o.Kind
	c.kinds[kindIndex(o.Kind)] += len(o.Delivery.Events)
}

func (c *tally) check(t *testing.T, s Summary) {
	t.Helper()
	answers, buckets := 0, 0
	for _, n := range s.Statuses {
		answers += n
	}
	for _, n := range s.Failures {
		answers += n
	}
	for _, b := range s.Series.Buckets {
		buckets += b.Attempts
	}
	switch {
	case c.twice:
		t.Error("a delivery ended twice")
	case s.Events+s.Copies != s.Accepted+s.GivenUp+s.Refused+s.Skipped, c.kinds != [4]int{s.Accepted, s.GivenUp, s.Refused, s.Skipped}:
		t.Errorf("the totals do not add up: %+v, facts %v", s, c.kinds)
	case s.Attempts != c.attempts, answers != c.attempts, buckets != c.attempts, c.latencies != c.attempts, s.LostAcks != c.lost:
		t.Errorf("attempts %d, answers %d, in buckets %d, facts %d; lost %d of %d", s.Attempts, answers, buckets, c.attempts, s.LostAcks, c.lost)
	}
}

// A worker in a two-minute delay holds back its own lane, not the plan.
func TestAStalledLaneStallsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const others = 8 * aheadAtMost
		e := &endpoint{began: time.Now()}
		served := 0
		var lastOther time.Duration
		e.answer = func(_ int, body string) int {
			if strings.Contains(body, `"stalled"`) {
				return 500
			}
			if strings.Contains(body, `"b`) {
				served++
				lastOther = time.Since(e.began)
			}
			return 200
		}
		ds := []plan.Delivery{one("stalled", 0)}
		for i := range others {
			ds = append(ds, one(fmt.Sprint("a", i), 0), one(fmt.Sprint("b", i), 1))
		}
		cfg := relay()
		cfg.Workers = 2
		e.run(t, cfg, ds...)
		if served != others || lastOther != 0 {
			t.Errorf("%d of the other lane served, the last after %v", served, lastOther)
		}
	})
}

func TestWhatPilesUpIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newDispatcher(2, false, true)
		ctx, cancel := context.WithCancel(t.Context())
		var put int
		var done sync.WaitGroup
		done.Go(func() {
			for ; ; put++ {
				j := l.job()
				j.set(plan.Delivery{Body: []byte("{}")})
				if !l.put(ctx, j) {
					return
				}
			}
		})
		synctest.Wait()
		if put != maxQueued {
			t.Errorf("%d queued", put)
		}
		if j, more := l.take(0); j == nil || !more {
			t.Error("nothing to take")
		}
		synctest.Wait()
		if put != maxQueued+1 {
			t.Errorf("%d queued after one was taken", put)
		}
		cancel()
		done.Wait()
	})
}

func TestAnOutageIsSummedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{began: time.Now()}
		down := func(at time.Duration) bool { return at >= time.Minute && at < 2*time.Minute }
		e.answer = func(int, string) int {
			if down(time.Since(e.began)) {
				return 500
			}
			return 200
		}
		cfg := relay()
		cfg.Workers, cfg.Rate = 256, Rate{1, time.Second}
		var ds []plan.Delivery
		for i := range 240 {
			ds = append(ds, one(fmt.Sprint("e", i), uint64(i)))
		}
		sum, _ := e.run(t, cfg, ds...)
		o := sum.Outage
		// Down from 60 s on; the first to see it is due at 60 s and is accepted
		// with its fourth attempt, 160 s later; nothing is lost in a minute.
		if o.Lost != 0 || o.DeliveredLate != 60 || o.WorstDelay != 160*time.Second || o.StillDown {
			t.Errorf("%+v", o)
		}
		if o.DownFrom.Sub(e.began) != time.Minute || o.Down() != time.Minute || o.PeakRetries < 2 {
			t.Errorf("down from %v for %v, peak %d", o.DownFrom.Sub(e.began), o.Down(), o.PeakRetries)
		}
	})
}

func TestAnEndpointThatStaysDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int, string) int { return 500 }}
		sum, _ := e.run(t, relay(), one("a", 0), one("b", 1))
		if o := sum.Outage; !o.StillDown || o.Down() != 160*time.Second || o.Lost != 2 || o.Failed != 8 {
			t.Errorf("%+v", o)
		}
	})
}

// An endpoint that goes away ends the run after so many attempts in a row that could
// not connect; one that comes back in time, or answers in between, does not.
func TestTheRunGivesUp(t *testing.T) {
	for name, tc := range map[string]struct {
		after          int
		within         time.Duration
		cut            int64 // attempts that connect, and are then cut off
		workers        int
		downFor        time.Duration
		gaveUp, failed int
	}{
		"for good":                       {6, 0, 0, 2, time.Hour, 6, 6},
		"back in between":                {6, 0, 0, 2, 20 * time.Second, 0, 4},
		"never":                          {0, 0, 0, 2, time.Hour, 0, 40},
		"too few for long":               {20, 30 * time.Second, 0, 1, time.Hour, 3, 3},
		"back before too few are enough": {20, 30 * time.Second, 0, 1, 35 * time.Second, 0, 2},
		"gone in the middle of a call":   {20, 30 * time.Second, 1, 1, time.Hour, 2, 2},
		"cut off, but there":             {20, 30 * time.Second, 4, 1, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := time.Now()
				var calls atomic.Int64
				e := &endpoint{answer: func(int, string) int {
					if calls.Add(1) <= tc.cut {
						return -1
					}
					return 200
				}}
				e.refuses = func() bool { return calls.Load() >= tc.cut && time.Since(down) < tc.downFor }
				cfg := relay()
				cfg.GiveUpAfter, cfg.GiveUpIn, cfg.Workers = tc.after, tc.within, tc.workers
				var ds []plan.Delivery
				for i := range 10 {
					ds = append(ds, one(fmt.Sprint("e", i), uint64(i)))
				}
				sum, _ := e.run(t, cfg, ds...)
				if took := time.Since(down); tc.within > 0 && tc.gaveUp > 0 && took > time.Minute {
					t.Errorf("it gave up after %v", took)
				}
				if sum.GaveUpAfter != tc.gaveUp || sum.Failures[wire.Connect] != tc.failed || sum.Requests != sum.Accepted+int(tc.cut) {
					t.Errorf("gave up after %d, %d failed, %d requests, %d accepted", sum.GaveUpAfter, sum.Failures[wire.Connect], sum.Requests, sum.Accepted)
				}
			})
		})
	}
}

func TestALostAckIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int, string) int { return 200 }}
		d := one("a", 0)
		d.LostAcks = 3
		sum, _ := e.run(t, relay(), d)
		if sum.Outage.Happened() || sum.LostAcks != 3 || sum.Accepted != 1 {
			t.Errorf("%+v", sum)
		}
	})
}

func TestRetryOnNamesEveryFailure(t *testing.T) {
	for list, want := range map[string][]wire.Failure{
		"connect": {wire.Connect, wire.Cut, wire.TokenFailed}, "cut": {wire.Cut}, "tls": {wire.TLS}, "token": {wire.TokenFailed}, "timeout": {wire.Timeout}, "none": nil,
	} {
		r, err := ParseRetryOn(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []wire.Failure{wire.Timeout, wire.Connect, wire.TLS, wire.Cut, wire.TokenFailed, wire.Interrupted} {
			if r.Retries(0, f) != slices.Contains(want, f) {
				t.Errorf("%s and %s", list, f)
			}
		}
	}
	if _, err := ParseRetryOn("conect"); err == nil || !strings.Contains(err.Error(), "connect") {
		t.Error(err)
	}
}

// tokens is a scheme whose first token is refused.
type tokens struct {
	auth.Scheme
	signed [2][]auth.Header
	now    int
	rounds int
}

func (s *tokens) Sign(context.Context) ([]auth.Header, error) { return s.signed[s.now], nil }
func (s *tokens) Rejected([]auth.Header) bool                 { s.now = 1; s.rounds++; return true }
func (s *tokens) Accepted([]auth.Header)                      {}
func (s *tokens) Expires([]auth.Header) (time.Time, bool)     { return time.Time{}, false }

func TestARefusedTokenIsRenewedWithinTheAttempt(t *testing.T) {
	for status, want := range map[int]string{200: "a 1/4 200 |a accepted after 1", 401: "a 1/4 401 |a refused after 1"} {
		synctest.Test(t, func(t *testing.T) {
			scheme := &tokens{signed: [2][]auth.Header{{{Name: "Authorization", Value: "Bearer 1"}}, {{Name: "Authorization", Value: "Bearer 2"}}}}
			e := &endpoint{answer: func(n int, _ string) int {
				if n == 0 {
					return 401
				}
				return status
			}}
			cfg := relay()
			cfg.Auth = scheme
			sum, l := e.run(t, cfg, one("a", 0))
			if got := strings.Join(l.lines, "|"); got != want || len(e.bodies) != 2 || scheme.rounds != 1 || sum.Tokens != 2 {
				t.Errorf("%s, %d calls, %d renewals, %d tokens", got, len(e.bodies), scheme.rounds, sum.Tokens)
			}
		})
	}
}

func TestASeriesGrowsWiderNotLonger(t *testing.T) {
	began := testStart
	s := newSeries(began)
	const n = 10000
	for i := range n {
		s.add(&Attempt{SentAt: began.Add(time.Duration(i) * time.Second), Outcome: Accepted, Latency: time.Duration(i+1) * time.Millisecond})
	}
	total := 0
	for _, b := range s.Buckets {
		total += b.Accepted
	}
	if total != n || len(s.Buckets) > maxBuckets || s.Width < n*time.Second/maxBuckets {
		t.Errorf("%d in %d buckets of %v", total, len(s.Buckets), s.Width)
	}
	var b Bucket
	for i := range 1000 {
		b.latency.add(time.Duration(i+1) * time.Millisecond)
	}
	for q, want := range map[float64]float64{0: 1, 0.5: 500, 0.9: 900, 1: 1000} {
		if got := b.Quantile(q).Seconds() * 1000; got < want*0.85 || got > want*1.15 {
			t.Errorf("quantile %v is %v ms, not %v", q, got, want)
		}
	}
	b.latency.add(1000 * time.Hour)
	b.latency.add(-time.Second)
}

// The schedule is never early and does not drift: due times are counted from the
// start.
func TestWaitUntilIsNeverEarly(t *testing.T) {
	rate, start := Rate{2000, time.Second}, time.Now()
	for i := range 200 {
		due := start.Add(rate.Due(i))
		if !waitUntil(t.Context(), due) || time.Now().Before(due) {
			t.Fatalf("call %d is early", i)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if began := time.Now(); waitUntil(ctx, began.Add(time.Hour)) || time.Since(began) > time.Minute {
		t.Error("the end of the run does not end the wait")
	}
}
