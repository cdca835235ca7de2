package check

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/sim"
)

// Runner runs checks against one endpoint. It is used once.
type Runner struct {
	Env      *Env
	Checks   []Check
	Parallel int  // how many checks run at once; 0 is DefaultParallel
	Strict   bool // SHOULD counts like MUST
	Repeat   int  // how often each check is run; 0 is once
	Baseline *Baseline
}

// DefaultParallel is how many checks run at once unless something else is asked for.
const DefaultParallel = 4

// Observer is told of a run as it goes, from one goroutine.
type Observer interface {
	// Trouble is told, at most once and first, why no valid event is accepted.
	Trouble(cause string)
	// Running names the checks that are under way, after every change.
	Running(ids []string)
	// Done is told every outcome in the order of the catalogue.
	Done(o *Outcome)
}

const (
	defaultLimit = 30 * time.Second
	// overtime is how long a check may take to notice that its time is over.
	overtime = 5 * time.Second
)

// Run runs the checks: first those that can run side by side, then the others
// one by one. It returns when all of them have ended; when ctx is done, those
// that have not are inconclusive.
func (r *Runner) Run(ctx context.Context, obs Observer) *Report {
	rep := &Report{Target: r.Env.Target(), RunID: r.Env.RunID, Seed: r.Env.Seed, StartedAt: time.Now(), Strict: r.Strict}
	p := r.preflight(ctx)
	rep.Cause, rep.Unreachable = p.cause, p.trouble == unreachable
	if p.cause != "" && ctx.Err() == nil {
		obs.Trouble(p.cause)
	}
	s := &schedule{runner: r, obs: obs, rep: rep, results: make([]*repeated, len(r.Checks)), pre: p}
	s.run(ctx)
	rep.Stale = r.Baseline.stale(rep.Outcomes, rep.StartedAt)
	rep.Duration = time.Since(rep.StartedAt)
	rep.Interrupted = ctx.Err() != nil
	return rep
}

// connectPatience is how long an endpoint may take to accept a connection that
// has just let a call time out: then it is slow, and not away.
const connectPatience = 2 * time.Second

// unreachable is the trouble that no check runs despite of.
const unreachable Trouble = "unreachable"

// preflight is what a plain valid event came to.
type preflight struct {
	trouble Trouble // "" when it was accepted
	cause   string
}

// preflight delivers one valid event as Relay would: up to four attempts.
func (r *Runner) preflight(ctx context.Context) preflight {
	t, err := r.Env.newTrial(&Check{ID: "preflight"})
	if err != nil {
		return preflight{unreachable, err.Error()}
	}
	t.hasty = true
	x := t.plain(ctx)
	switch {
	case x.Accepted():
		return preflight{}
	case x.Answer.Failure == sim.NoFailure:
		return preflight{Refused, refusal(x, r.Env)}
	case x.Answer.Failure == sim.TLS:
		return preflight{Untrusted, "the TLS handshake fails: " + x.Answer.Detail}
	case x.Answer.Failure == sim.Timeout && sim.WaitReady(ctx, r.Env.URL, connectPatience) == nil:
		return preflight{Silent, fmt.Sprintf("a valid event is not answered within %s: Relay would try it four times and give it up (R-TIMEOUT)", r.Env.Timeout)}
	case x.Answer.Failure == sim.TokenFailed:
		if _, err := t.Sign(ctx); auth.Refused(err) {
			return preflight{Tokenless, "there is no token to call the endpoint with: " + err.Error()}
		}
		return preflight{unreachable, "there is no token to call the endpoint with: " + x.Answer.Detail}
	}
	return preflight{unreachable, "the endpoint cannot be reached: " + x.Answer.Detail}
}

// refusal words why a valid event was not accepted, with the likeliest cause.
func refusal(x Exchange, e *Env) string {
	hint := ""
	switch s := x.Answer.Status; {
	case s == http.StatusUnauthorized && !e.authenticates():
		hint = "; it asks for credentials: --auth gives them"
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		hint = "; are the credentials the ones that it expects?"
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed:
		hint = "; is the path of the URL right?"
	case s >= 300 && s < 400:
		hint = "; Relay follows no redirect: name the final URL"
	case s >= 500:
		hint = "; its log will say why"
	default:
		hint = "; it was a message.delivered"
	}
	return "a plain valid event is not accepted: " + x.Describe() + hint
}

// schedule is the state of one run, owned by the goroutine of Run.
type schedule struct {
	runner  *Runner
	obs     Observer
	rep     *Report
	pre     preflight
	results []*repeated // by index; nil until it is there
	shown   int         // how many outcomes were told
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

func (s *schedule) run(ctx context.Context) {
	var together, alone []int
	for i := range s.runner.Checks {
		c := &s.runner.Checks[i]
		if r := s.without(c); r != nil {
			s.results[i] = &repeated{Result: *r}
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
	s.batch(ctx, together, parallel)
	s.batch(ctx, alone, 1)
}

// without is the result of a check that need not run, nil of one that has to.
func (s *schedule) without(c *Check) *Result {
	if s.pre.trouble == unreachable {
		r := Unclear(s.pre.cause)
		return &r
	}
	for _, n := range c.Needs {
		if reason := s.runner.Env.lacks(n); reason != "" {
			r := Skipped(reason)
			return &r
		}
	}
	if s.pre.trouble != "" && !slices.Contains(c.Despite, s.pre.trouble) {
		r := BlockedBy(s.pre.cause)
		return &r
	}
	return nil
}

// authenticates says whether the run has credentials.
func (e *Env) authenticates() bool {
	return e.AuthCfg.Kind != "" && e.AuthCfg.Kind != auth.KindNone
}

// lacks says why the run does not have what a check needs, "" when it has.
func (e *Env) lacks(n Need) string {
	has := true
	switch n {
	case NeedAuth:
		has = e.authenticates()
	case NeedOAuth:
		has = e.AuthCfg.Kind == auth.KindOAuth
	case NeedHTTPS:
		if !strings.HasPrefix(strings.ToLower(e.URL), "https:") {
			return "not applicable: the endpoint is plain http"
		}
	case NeedProbe:
		has = e.Probe != nil
	case NeedBatch:
		has = e.Batch > 0 || e.Probe != nil
	case NeedRestart:
		has = e.RestartCmd != ""
	case NeedFault:
		has = e.FaultOn != "" && e.FaultOff != ""
	}
	if has {
		return ""
	}
	return "not configured: " + n.Text()
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
			workers.Go(func() { done <- ended{i, s.runner.repeat(ctx, &s.runner.Checks[i])} })
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

// show tells the outcomes that are next in order.
func (s *schedule) show() {
	for s.shown < len(s.results) && s.results[s.shown] != nil {
		o := Outcome{Check: &s.runner.Checks[s.shown], Result: s.results[s.shown].Result, Flaky: s.results[s.shown].flaky}
		if o.Verdict == Fail || o.Verdict == Warn {
			o.Known = s.runner.Baseline.find(o.Check.ID, s.rep.StartedAt)
		}
		s.rep.Outcomes = append(s.rep.Outcomes, o)
		s.obs.Done(&s.rep.Outcomes[s.shown])
		s.shown++
	}
}

// repeat runs a check as often as it is asked for. The worst result counts, and
// one that comes and goes is told as what it is.
func (r *Runner) repeat(ctx context.Context, c *Check) repeated {
	total := max(r.Repeat, 1)
	severity := []Verdict{Skip, Pass, Inconclusive, Blocked, Warn, Fail}
	out := repeated{Result: r.check(ctx, c)}
	bad, took := 0, out.Duration
	if out.Verdict == Fail || out.Verdict == Warn {
		bad++
	}
	for n := 1; n < total && ctx.Err() == nil; n++ {
		res := r.check(ctx, c)
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
func (r *Runner) check(ctx context.Context, c *Check) Result {
	if ctx.Err() != nil {
		return Unclear("the run was interrupted")
	}
	began := time.Now()
	limit := c.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res := r.attempt(within, c, limit+overtime)
	switch {
	case ctx.Err() != nil && res.Verdict != Pass:
		res = Unclear("the run was interrupted")
	case within.Err() != nil && res.Verdict != Pass && res.Verdict != Fail:
		res = Unclear(fmt.Sprintf("not done within its time of %s", limit))
	}
	res = r.weigh(c, res)
	res.Duration = time.Since(began)
	return r.Env.scrubResult(res)
}

// attempt runs a check in a goroutine of its own: one that panics, or does not
// end when its time is over, is a fault of relayctl and not of the receiver.
func (r *Runner) attempt(ctx context.Context, c *Check, patience time.Duration) Result {
	t, err := r.Env.newTrial(c)
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
	if res.Verdict == Fail && (c.Level == May || c.Level == Should && !r.Strict) {
		res.Verdict = Warn
		if res.Reason == "" {
			res.Reason = res.Actual
		}
	}
	return res
}
