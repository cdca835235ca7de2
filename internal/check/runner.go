package check

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// Runner runs checks against one endpoint. It is used once.
type Runner struct {
	Settings *Settings
	Checks   []Check
	Parallel int  // how many checks run at once; 0 is DefaultParallel
	Strict   bool // SHOULD counts like MUST
	Repeat   int  // how often each check is run; 0 is once
	Baseline *Baseline
	// MaxDuration bounds the run without the checks that are slow, such as the load
	// checks; 0 for no bound. What is cut off is inconclusive.
	MaxDuration time.Duration
}

// DefaultParallel is how many checks run at once unless something else is asked for.
const DefaultParallel = 4

// Observer is told of a run as it goes, from one goroutine.
type Observer interface {
	// Obstacle is told, at most once and first, why no valid event is accepted.
	Obstacle(cause string)
	// Measured is told, at most once and before any check, how the probe shows the
	// receiver's state; nil where no check needs to know.
	Measured(*ReadSide)
	// Running names the checks that are under way, after every change.
	Running(ids []string)
	// Done is told every result in the order of the catalogue.
	Done(o *Checked)
}

const (
	defaultLimit = time.Minute
	// grace is how long a check may take to notice that its time is over.
	grace = 5 * time.Second
)

// Run runs the checks: first those that can run side by side, then the others
// one by one. It returns when all of them have ended; when ctx is done, those
// that have not are inconclusive.
func (r *Runner) Run(ctx context.Context, obs Observer) *Report {
	rep := &Report{Target: r.Settings.Target(), RunID: r.Settings.RunID, Seed: r.Settings.Seed, StartedAt: time.Now(), Strict: r.Strict}
	shared := newRun(r.Settings)
	if r.MaxDuration > 0 {
		shared.until = rep.StartedAt.Add(r.MaxDuration)
	}
	first := shared.deliverFirst(ctx)
	rep.Cause, rep.Unreachable = first.cause, first.obstacle == noEndpoint
	if first.cause != "" && ctx.Err() == nil {
		obs.Obstacle(first.cause)
	}
	if first.obstacle == "" {
		rep.ReadSide = shared.measureReadSide(ctx, r.Checks)
		obs.Measured(rep.ReadSide)
	}
	s := &schedule{runner: r, run: shared, obs: obs, rep: rep, results: make([]*repeated, len(r.Checks)), first: first}
	s.all(ctx)
	rep.Stale = r.Baseline.stale(rep.Checked, rep.StartedAt)
	rep.Gone = shared.live.lapse()
	rep.Duration = time.Since(rep.StartedAt)
	rep.Interrupted = ctx.Err() != nil
	return rep
}

// schedule is the state of one run, owned by the goroutine of Run.
type schedule struct {
	runner  *Runner
	run     *run
	obs     Observer
	rep     *Report
	first   firstEvent
	results []*repeated // by index; nil until it is there
	shown   int         // how many results were told
	running []int
}

// ended is a check's end, told to the schedule's goroutine.
type ended struct {
	index  int
	result repeated
}

// repeated is what came of all the runs of a check.
type repeated struct {
	Result
	flaky string
}

func (s *schedule) all(ctx context.Context) {
	var together, alone, last []int
	for i := range s.runner.Checks {
		c := &s.runner.Checks[i]
		if r := s.without(c); r != nil {
			s.results[i] = &repeated{Result: *r}
		} else if c.Last {
			last = append(last, i)
		} else if c.Alone {
			alone = append(alone, i)
		} else {
			together = append(together, i)
		}
	}
	s.show()
	parallel := s.runner.Parallel
	if parallel < 1 {
		parallel = DefaultParallel
	}
	parallel *= s.run.states.crowd()
	s.batch(ctx, together, parallel)
	s.batch(ctx, append(alone, last...), 1)
}

// without is the result of a check that need not run, nil of one that has to.
func (s *schedule) without(c *Check) *Result {
	if s.first.obstacle == noEndpoint {
		r := Unclear(s.first.cause)
		return &r
	}
	for _, n := range c.Needs {
		if !s.run.has(n) {
			r := Lacking(n)
			return &r
		}
	}
	if s.first.obstacle != "" && !slices.Contains(c.Despite, s.first.obstacle) {
		r := BlockedBy(s.first.cause)
		return &r
	}
	return nil
}

// batch runs checks, so many at once, and waits for them.
func (s *schedule) batch(ctx context.Context, indexes []int, parallel int) {
	done := make(chan ended)
	var workers sync.WaitGroup
	for len(indexes) > 0 || len(s.running) > 0 {
		for len(indexes) > 0 && len(s.running) < parallel {
			i := indexes[0]
			indexes = indexes[1:]
			s.running = append(s.running, i)
			s.tellRunning()
			workers.Go(func() { done <- ended{i, s.runner.repeat(ctx, s.run, &s.runner.Checks[i])} })
		}
		e := <-done
		s.results[e.index] = &e.result
		s.running = slices.DeleteFunc(s.running, func(i int) bool { return i == e.index })
		s.tellRunning()
		s.show()
	}
	workers.Wait()
}

func (s *schedule) tellRunning() {
	ids := make([]string, len(s.running))
	for n, i := range s.running {
		ids[n] = s.runner.Checks[i].ID
	}
	s.obs.Running(ids)
}

// show tells the results that are next in order.
func (s *schedule) show() {
	for s.shown < len(s.results) && s.results[s.shown] != nil {
		o := Checked{Check: &s.runner.Checks[s.shown], Result: s.results[s.shown].Result, Flaky: s.results[s.shown].flaky}
		if o.Verdict == Fail || o.Verdict == Warn {
			o.Known = s.runner.Baseline.find(o.Check.ID, s.rep.StartedAt)
		}
		s.rep.Checked = append(s.rep.Checked, o)
		s.obs.Done(&s.rep.Checked[s.shown])
		s.shown++
	}
}

// repeat runs a check as often as it is asked for. The worst result counts, and
// one that comes and goes is told as what it is.
func (r *Runner) repeat(ctx context.Context, shared *run, c *Check) repeated {
	total := max(r.Repeat, 1)
	severity := []Verdict{Skip, Pass, Inconclusive, Blocked, Warn, Fail}
	out := repeated{Result: r.check(ctx, shared, c)}
	bad, took := 0, out.Duration
	if out.Verdict == Fail || out.Verdict == Warn {
		bad++
	}
	for n := 1; n < total && ctx.Err() == nil; n++ {
		res := r.check(ctx, shared, c)
		took += res.Duration
		if res.Verdict == Fail || res.Verdict == Warn {
			bad++
		}
		if slices.Index(severity, res.Verdict) > slices.Index(severity, out.Verdict) {
			out.Result = res
		}
	}
	out.Duration = took
	if bad > 0 && bad < total {
		out.flaky = fmt.Sprintf("%d/%d", bad, total)
		out.Reason = "flaky " + out.flaky + ": it does not hold in every run"
	}
	return out
}

// check runs one check within its time. Whatever happens in it, there is a result.
func (r *Runner) check(ctx context.Context, shared *run, c *Check) Result {
	if ctx.Err() != nil {
		return Unclear(interrupted)
	}
	began := time.Now()
	limit := cmp.Or(c.Limit, defaultLimit)
	if scale := shared.Waits.LimitScale; scale > 0 {
		limit = time.Duration(scale * float64(limit))
	}
	limit += shared.states.allowance()
	left, bounded := shared.left(c)
	if bounded && left <= 0 {
		return r.cut()
	}
	cutShort := bounded && left < limit
	if cutShort {
		limit = left
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res := shared.guarded(within, c, limit+grace)
	unfinished := within.Err() != nil && (res.Verdict != Pass && res.Verdict != Fail || res.brokenOff())
	switch {
	case ctx.Err() != nil && res.Verdict != Pass:
		res = Unclear(interrupted)
	case unfinished && cutShort:
		res = r.cut()
	case unfinished:
		res = Unclear(fmt.Sprintf("not done within its time of %s", limit))
	}
	res = r.weigh(c, shared.blameIdle(ctx, c, shared.blame(c, res)))
	res.Duration = time.Since(began)
	return shared.credentials.redact(res)
}

// left is how much of the run's time there is for a check; bounded is false for one
// whose time is its own.
func (r *run) left(c *Check) (d time.Duration, bounded bool) {
	if r.until.IsZero() || slices.Contains(c.Tags, "slow") || c.Group() == "load" {
		return 0, false
	}
	return time.Until(r.until), true
}

// cut is the result of a check for which the run's time is over.
func (r *Runner) cut() Result {
	res := Unclear(fmt.Sprintf("cut off: the run's max-duration of %s was over", r.MaxDuration))
	res.Cut = true
	return res
}

// guarded runs a check in a goroutine of its own: one that panics, or does not
// end when its time is over, is a fault of relayctl and not of the receiver.
func (r *run) guarded(ctx context.Context, c *Check, patience time.Duration) Result {
	t, err := r.newTrial(c)
	if err != nil {
		return Unclear(err.Error())
	}
	done := make(chan Result, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- Unclear(fmt.Sprintf("a fault of relayctl: %v (%s)", p, panicSite(string(debug.Stack()))))
			}
		}()
		done <- c.Run(ctx, t)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case res := <-done:
		return res
	case <-timer.C:
		return Unclear("a fault of relayctl: the check does not end when its time is over")
	}
}

// panicSite finds where in this program a panic began.
func panicSite(stack string) string {
	_, below, _ := strings.Cut(stack, "\npanic(")
	for line := range strings.Lines(below) {
		if at := strings.Index(line, "internal/check/"); at >= 0 && strings.HasPrefix(line, "\t") {
			site, _, _ := strings.Cut(strings.TrimSpace(line[at:]), " ")
			return site
		}
	}
	return "somewhere"
}

// weigh turns a failure into the verdict that the check's level gives it.
func (r *Runner) weigh(c *Check, res Result) Result {
	level := cmp.Or(res.Level, c.Level)
	if res.Verdict == Fail && (level == May || level == Should && !r.Strict) {
		res.Verdict = Warn
		if res.Reason == "" {
			res.Reason = res.Actual
		}
	}
	return res
}
