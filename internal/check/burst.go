package check

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

const (
	// leastWorkers and mostWorkers bound how many connections a burst has. Relay's
	// own number is not known: as many as the rate takes at the endpoint's pace
	// when it has nothing else to do, ten times over. The most are enough for 5000
	// calls a minute with answers that take three quarters of a second.
	leastWorkers = 16
	mostWorkers  = 64
	workerMargin = 10
	// burstScale shortens Relay's delays between the attempts of a burst.
	burstScale = 0.02
	// enoughTimeouts is how many calls may time out before a burst is ended: each
	// takes the whole deadline, four times.
	enoughTimeouts = 10
	// defaultCapacity and defaultDuration are those of a run that says nothing.
	defaultCapacity = 5000.0
	defaultDuration = 30 * time.Second
)

// burst is the load that the load checks of a run share, and what came of it.
// It is made once, by whichever of them comes first.
type burst struct {
	turn   turn
	result *burstResult
}

// burstResult is what came of a burst. It is not changed once it is there.
type burstResult struct {
	Planned  int
	Workers  int             // calls under way at once, at most
	Accepted []plan.EventRef // whose 200 was seen
	// The first of the events that were not accepted, and how many they are.
	Lost         string
	LostCount    int
	NotConnected int           // of them, those whose last attempt got no connection
	Timeouts     int           // attempts without an answer within the deadline
	Behind       time.Duration // how late the latest first attempt began, for all workers waited for the endpoint
	P95, Max     time.Duration // from the call to the end of its answer
	Lagging      bool          // this machine could not keep up with the plan itself
	Cut          bool          // the burst was ended early, for the endpoint would not catch up
	Gone         *Lapse        // when the endpoint went away during the burst, nil where it did not
	Err          error
	Statuses     map[int]int
	Kept         []*subject // of its customers, those whose states can be looked at
}

// runBurst gives the run's burst, made now if it has not been made yet.
func runBurst(ctx context.Context, t *Trial) *burstResult {
	give, ok := t.burst.turn.take(ctx)
	if !ok {
		return &burstResult{Err: ctx.Err()}
	}
	defer give()
	if t.burst.result == nil {
		r := makeBurst(ctx, t)
		t.burst.result = &r
	}
	return t.burst.result
}

// pace is the burst's rate and how many calls it makes.
func (s *Settings) pace() (sim.Rate, int) {
	rate, d := s.Capacity, s.Duration
	if rate.Calls == 0 {
		rate = sim.Rate{Calls: defaultCapacity, Per: time.Minute}
	}
	if d == 0 {
		d = defaultDuration
	}
	return rate, max(1, int(math.Round(rate.Calls*d.Seconds()/rate.Per.Seconds())))
}

func makeBurst(ctx context.Context, t *Trial) burstResult {
	rate, n := t.pace()
	retryOn, err := sim.ParseRetryOn(sim.DefaultRetryOn)
	if err != nil {
		return burstResult{Err: err}
	}
	workers := burstWorkers(ctx, t, rate)
	sender, err := sim.NewSender(sim.SenderConfig{
		URL: t.URL, Auth: t.credentials, Headers: t.Headers, TLS: t.TLS, Proxy: t.Proxy, Dial: t.Dial, Advice: t.Advice, Timeout: t.Timeout, Seed: t.Seed,
		Attempts: event.Attempts, RetryDelays: event.RetryDelays(), RetryOn: retryOn, TimeScale: burstScale,
		Workers: workers, Rate: rate,
	})
	if err != nil {
		return burstResult{Err: err}
	}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &burstWatch{calls: t.caller, limit: t.Timeout, stop: cancel, result: burstResult{Planned: n, Workers: workers, Statuses: map[int]int{}}}
	lag := watchLag(t.Timeout)
	plan, kept := burstPlan(t, n)
	_, err = sender.Run(run, plan, w)
	r := w.finish(ctx)
	r.Kept = *kept
	r.Lagging = lag()
	if err != nil && !r.Cut {
		r.Err = err
	}
	return r
}

// burstWorkers says how many calls a burst makes at once.
func burstWorkers(ctx context.Context, t *Trial, rate sim.Rate) int {
	const tries = 3
	began := time.Now()
	for range tries {
		t.plain(ctx)
	}
	each := time.Since(began).Seconds() / tries
	return min(max(leastWorkers, int(rate.Calls/rate.Per.Seconds()*each*workerMargin)), mostWorkers)
}

// burstWatch gathers what a burst does.
type burstWatch struct {
	calls  *caller
	limit  time.Duration
	stop   context.CancelFunc
	result burstResult
	took   []time.Duration
	gone   *Lapse // suspected, nil once an answer has come
}

// Attempt implements sim.Observer.
func (w *burstWatch) Attempt(a *sim.Attempt) {
	if a.Failure == wire.Interrupted {
		return
	}
	if w.calls.Exchanges != nil {
		w.calls.Exchanges(w.calls.attempted(a))
	}
	w.took = append(w.took, a.Took)
	if a.Failure == wire.NoFailure {
		w.result.Statuses[a.Status]++
	}
	w.watchFor(a)
	if a.Failure == wire.Timeout {
		w.result.Timeouts++
	}
	if a.Number == 1 {
		w.result.Behind = max(w.result.Behind, a.SentAt.Sub(a.Intended))
	}
	if !w.result.Cut && (w.result.Behind > w.limit || w.result.Timeouts >= enoughTimeouts) {
		// It will not catch up; the rest would only take time.
		w.result.Cut = true
		w.stop()
	}
}

// watchFor notes whether the endpoint takes connections at all. That it answers too
// late is what the burst itself is about.
func (w *burstWatch) watchFor(a *sim.Attempt) {
	x := Exchange{Call: wire.Call{Body: a.Delivery.Body}, Answer: wire.Result{Status: a.Status, Failure: a.Failure, Detail: a.Detail}}
	suspected := w.calls.watchFor(x)
	switch {
	case a.Failure == wire.NoFailure:
		w.gone = nil
	case w.gone == nil:
		w.gone = suspected
	}
}

// Outcome implements sim.Observer.
func (w *burstWatch) Outcome(o *sim.Outcome) {
	switch o.Kind {
	case sim.Accepted:
		w.result.Accepted = append(w.result.Accepted, o.Delivery.Events...)
	case sim.GivenUp, sim.Refused:
		if o.Failure == wire.Connect {
			w.result.NotConnected++
		}
		if w.result.LostCount++; w.result.Lost == "" {
			w.result.Lost = fmt.Sprintf("%s after %d attempts: %s", o.Delivery.Events[0].Name, o.Attempts, o.Reason)
			if o.Failure == wire.NoFailure {
				w.result.Lost = fmt.Sprintf("%s: %s", o.Delivery.Events[0].Name, Exchange{Answer: wire.Result{Status: o.Status}}.Describe())
			}
		}
	}
}

func (w *burstWatch) finish(ctx context.Context) burstResult {
	// One that is restarted by its supervisor comes back.
	if w.gone != nil && w.calls.WaitReady(ctx, w.calls.Waits.Connect, nil) != nil && ctx.Err() == nil {
		w.calls.live.lost(w.gone)
		w.result.Gone = w.gone
	}
	slices.Sort(w.took)
	if n := len(w.took); n > 0 {
		w.result.P95, w.result.Max = w.took[(n*95+99)/100-1], w.took[n-1]
	}
	return w.result
}

// watchLag watches whether this machine gives the process its time, and returns
// a function that says whether it did not.
func watchLag(limit time.Duration) (lagged func() bool) {
	const tick = 10 * time.Millisecond
	stop, done := make(chan struct{}), make(chan bool)
	go func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		last, worst := time.Now(), time.Duration(0)
		for {
			select {
			case <-stop:
				done <- worst > limit/4
				return
			case now := <-ticker.C:
				worst = max(worst, now.Sub(last)-tick)
				last = now
			}
		}
	}()
	return func() bool {
		close(stop)
		return <-done
	}
}

// limited says whether the endpoint answered 429.
func (r *burstResult) limited() int { return r.Statuses[http.StatusTooManyRequests] }

// burstKept bounds how many of a burst's customers are looked at afterwards. A
// customer has several events, so that a loss of one event in a hundred shows in
// one of a dozen of them: it is all but impossible that so many miss it.
const burstKept = 400

// errand is what happens to a customer of the burst: short, so that there are
// many customers, and rich enough for any event to show that is lost.
func errand() story {
	return story{"errand", []plan.Step{
		step(0, "notification_channel.add", 1, 1), consent(2, 1, "express"), step(4, "message.delivered", 1, 1),
		step(6, "notification.attempted", 1, 1), step(8, "notification.delivered", 1, 1), step(10, "notification.auth_link_clicked", 1, 1),
		step(12, "message.action_taken", 1, 1), consent(14, 1, "stop"),
	}}
}

// burstPlan makes n deliveries to many customers, each of whom gets a whole
// errand in its order, and returns those whose states are looked at later.
func burstPlan(t *Trial, n int) (plan.Stream, *[]*subject) {
	s := errand()
	customers := (n + len(s.steps) - 1) / len(s.steps)
	// So many errands are open at a time that a customer's events are apart: a
	// slow answer must not hold back the next one.
	side := 2 * mostWorkers
	if t.Probe != nil {
		side = min(side, customers) // whole errands are what can be compared
	}
	every := max(1, (customers+burstKept-1)/burstKept)
	kept := new([]*subject)
	return func(yield func(plan.Delivery, error) bool) {
		for sent, made := 0, 0; sent < n; {
			var open [][]plan.Delivery
			for ; len(open) < side; made++ {
				if t.Probe == nil || made%every != 0 || len(*kept) == burstKept {
					open = append(open, t.written(s))
					continue
				}
				c := t.subject(s)
				open = append(open, c.events)
				*kept = append(*kept, c)
			}
			for step := range s.steps {
				for _, events := range open {
					d := events[step]
					d.Seq = sent
					if sent++; !yield(d, nil) || sent == n {
						return
					}
				}
			}
		}
	}, kept
}
