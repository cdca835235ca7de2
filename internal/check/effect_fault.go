package check

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/sim"
)

// retryEffects are the checks of what retries do to the state.
func retryEffects() []Check {
	return []Check{{
		ID: "retry.effect", Level: Must, Clause: "R-RETRY-SAME",
		Title: "an event that failed at first is in the state after its retry",
		Why:   "an event_id that is kept although the event failed makes its retry a duplicate, and the event is lost while Relay is told that all is well",
		How:   "runs --fault-on, sends a history, runs --fault-off, sends again what was not accepted, and compares the state with that of a customer whose events came without a fault",
		Fix:   "keep the event_id in the transaction of the effect, so that neither is there without the other",
		Needs: []Need{NeedProbe, NeedFault}, Alone: true, Limit: 2 * time.Minute, Run: probed(retryEffect),
	}}
}

// durableEffects are the checks of what a restart does to the state.
func durableEffects() []Check {
	return []Check{{
		ID: "durable.restart", Level: Must, Clause: "R-200",
		Title: "what was answered 200 survives a restart",
		Why:   "200 tells Relay to forget the event: what is only in memory or in a queue by then dies with the process, at every deployment and every crash",
		How:   "runs --restart-cmd while several customers' histories are sent, brings what was not accepted again as Relay does, and compares the states with that of a customer whose events came without a restart",
		Fix:   "commit the event, or a durable queue's entry for it, before you answer 200",
		Needs: []Need{NeedProbe, NeedRestart}, Alone: true, Limit: 3 * time.Minute, Run: probed(survivesRestart),
	}}
}

// commandTime bounds a command of the user's.
const commandTime = time.Minute

// userCommand runs a command of the user's and says what went wrong.
func (t *Trial) userCommand(ctx context.Context, flag, line string) string {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	_, complaint, err := runShell(ctx, line, 1<<20)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Sprintf("the command of %s does not end within %s", flag, commandTime)
	case errors.As(err, &exit):
		return fmt.Sprintf("the command of %s ends with exit code %d: %s", flag, exit.ExitCode(), orElse(complaint, "it says nothing"))
	case err != nil:
		return fmt.Sprintf("the command of %s cannot be run: %s", flag, err)
	}
	return ""
}

// faultTimeout is how long an answer is waited for under a fault: one that makes
// the receiver hang would take the contract's deadline for each event.
const faultTimeout = 2 * time.Second

func retryEffect(ctx context.Context, t *Trial) (r Result) {
	s := t.subject(life())
	if why := t.userCommand(ctx, "--fault-on", t.FaultOn); why != "" {
		return Unclear(why)
	}
	off := sync.OnceValue(func() string {
		// The fault must not outlive the check, however that ends.
		return t.userCommand(context.WithoutCancel(ctx), "--fault-off", t.FaultOff)
	})
	defer off()
	signed, err := t.Sign(ctx)
	if err != nil {
		return Unclear(err.Error())
	}
	var failed []int
	refused := ""
	for i, d := range s.events {
		x := t.Call(ctx, sim.Call{Body: d.Body, Signed: signed, Timeout: min(faultTimeout, t.Timeout)})
		switch {
		case x.Accepted():
		case x.Answer.Failure != sim.NoFailure, x.Answer.Status == 500:
			failed = append(failed, i)
		default:
			failed = append(failed, i)
			refused = x.Describe()
		}
	}
	if why := off(); why != "" {
		return Unclear(why)
	}
	switch {
	case len(failed) == 0:
		return Unclear("--fault-on had no effect: every event was accepted")
	case refused != "":
		return Failed("500, or no answer, while the receiver cannot work: Relay tries again after nothing else (R-RETRY-ONLY)", refused, "")
	}
	if why := t.heal(ctx, s, failed); why != "" {
		return Failed("an event that failed is accepted when it comes again", why, "")
	}
	f := t.ends(ctx, s, true)
	return f.verdict(fmt.Sprintf("with %d of %d events failing at first", len(failed), len(s.events)), "")
}

// heal brings events again until they are accepted: a receiver may need some
// time to come back, in which nobody can connect to it.
func (t *Trial) heal(ctx context.Context, s *subject, order []int) string {
	for _, i := range order {
		why := t.accepted(ctx, s.events[i])
		for end := time.Now().Add(healTime); why != "" && time.Now().Before(end) && wait(ctx, 100*time.Millisecond); {
			why = t.accepted(ctx, s.events[i])
		}
		if why != "" {
			return why
		}
	}
	return ""
}

const (
	// healTime is how long a receiver may take to come back.
	healTime = 30 * time.Second
	// restartLanes is how many customers' histories are under way at once.
	restartLanes = 12
	// restartHistories bounds how many customers a restart is tried on.
	restartHistories = 3000
	// restartWarmUp is how many histories are done before the restart begins.
	restartWarmUp = restartLanes
	// restartSample is how many customers' states are looked at: those that were
	// done last before the restart, and those that it struck.
	restartSample = 120
)

// restart is one run of histories while the receiver is restarted.
type restart struct {
	t        *Trial
	mu       sync.Mutex
	done     []*subject // guarded by mu, in the order in which they ended
	why      string     // guarded by mu: why an event never was accepted
	restored atomic.Bool
}

func survivesRestart(ctx context.Context, t *Trial) Result {
	r := &restart{t: t}
	var lanes sync.WaitGroup
	warm := make(chan struct{})
	var begun atomic.Int64
	for range restartLanes {
		lanes.Go(func() { r.lane(ctx, &begun, warm) })
	}
	failure := ""
	select {
	case <-warm:
		failure = t.userCommand(ctx, "--restart-cmd", t.RestartCmd)
	case <-ctx.Done():
	}
	r.restored.Store(true)
	lanes.Wait()
	if failure != "" {
		return Unclear(failure)
	}
	if r.why != "" {
		return Failed("every event is accepted, at the latest when it comes again after the restart", r.why, "")
	}
	if res := r.verdict(ctx, r.done[max(0, len(r.done)-restartSample):], "after the restart"); res.Verdict != Pass {
		return res
	}
	return r.again(ctx)
}

// lane tells one customer's history after the other until the restart is done,
// and ends what it has begun.
func (r *restart) lane(ctx context.Context, begun *atomic.Int64, warm chan struct{}) {
	for !r.restored.Load() && ctx.Err() == nil {
		switch n := begun.Add(1); {
		case n == restartWarmUp+restartLanes:
			close(warm)
		case n > restartHistories:
			return
		}
		s := r.t.subject(life())
		why := r.t.heal(ctx, s, s.inOrder())
		r.mu.Lock()
		r.done = append(r.done, s)
		r.why = orElse(r.why, why)
		r.mu.Unlock()
		if why != "" {
			return
		}
	}
}

// verdict compares the states of customers that the restart may have struck.
func (r *restart) verdict(ctx context.Context, struck []*subject, when string) Result {
	lost, unclear := r.t.lost(ctx, struck)
	switch {
	case unclear != "":
		return Unclear(unclear)
	case len(lost) > 0:
		return Failed(sameState, fmt.Sprintf("%s, for %d of %d customers: %s", when, len(lost), len(struck), lost[0].wrong), "")
	}
	return Passed()
}

// restartAgain is how many customers' events come again after the restart.
const restartAgain = 4

// again brings events once more that were answered before the restart, as a
// retry does whose first answer the restart swallowed: what tells duplicates
// has to survive as well.
func (r *restart) again(ctx context.Context) Result {
	struck := r.done[:min(restartAgain, len(r.done))]
	for _, s := range struck {
		if why := r.t.tell(ctx, s, s.inOrder()); why != "" {
			return Unclear(why)
		}
	}
	return r.verdict(ctx, struck, "when events of before the restart came again after it")
}

// lostSubject is a customer whose events were all accepted and whose state is
// wrong.
type lostSubject struct {
	subject *subject
	wrong   string
}

// lost finds the subjects of one story whose states are not that of the clean
// history. As long as states still become right nothing is lost yet, however
// long a queue takes.
func (t *Trial) lost(ctx context.Context, subjects []*subject) (lost []lostSubject, unclear string) {
	if len(subjects) == 0 {
		return nil, "no customer's events were all accepted"
	}
	ref := t.reference(ctx, subjects[0].story)
	if ref.unclear != "" {
		return nil, ref.unclear
	}
	left, err := t.stillWrong(ctx, ref, subjects)
	for changed := time.Now(); len(left) > 0 && err == nil && time.Since(changed) < t.Probe.lag.patience(); {
		if !wait(ctx, longestPause) {
			return nil, "the time was over"
		}
		before := len(left)
		left, err = t.stillWrong(ctx, ref, left)
		if len(left) < before {
			changed = time.Now()
		}
	}
	if err != nil || len(left) == 0 {
		return nil, errorText(err)
	}
	f := t.confirmLost(ctx, left[0], ref)
	if f.wrong == "" {
		return nil, orElse(f.unclear, "what the probe shows became right only when it was looked at again")
	}
	if left, err = t.stillWrong(ctx, ref, left); err != nil {
		return nil, err.Error()
	}
	for _, s := range left {
		n, err := t.look(ctx, s)
		if err != nil {
			return nil, err.Error()
		}
		lost = append(lost, lostSubject{s, ref.difference(n)})
	}
	return lost, ""
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// confirmLost makes sure that a clean history still ends as it did.
func (t *Trial) confirmLost(ctx context.Context, s *subject, ref *reference) finding {
	n, err := t.look(ctx, s)
	if err != nil {
		return finding{unclear: err.Error()}
	}
	return t.confirm(ctx, s, n, ref, "")
}

// readers is how many states are read at once.
const readers = 8

// stillWrong reads the subjects' states and returns those that are not right.
func (t *Trial) stillWrong(ctx context.Context, ref *reference, subjects []*subject) ([]*subject, error) {
	wrong := make([]bool, len(subjects))
	errs := make([]error, len(subjects))
	var next atomic.Int64
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(subjects)); i = next.Add(1) - 1 {
				n, err := t.look(ctx, subjects[i])
				errs[i] = err
				wrong[i] = err == nil && !ref.has(n)
			}
		})
	}
	all.Wait()
	var left []*subject
	for i, s := range subjects {
		if wrong[i] {
			left = append(left, s)
		}
	}
	return left, errors.Join(slices.Compact(errs)...)
}
