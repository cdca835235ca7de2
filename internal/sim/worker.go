package sim

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/auth"
)

// work serves one worker's deliveries one after the other (R-WORKERS).
func (r *run) work(worker int) {
	c := &httpClient{target: r.target}
	defer c.close()
	defer c.watch(r.cfg.Kill)()
	note := noter{journal: r.cfg.Journal}
	for {
		j := r.lanes.tryTake(worker)
		if j == nil {
			// Nothing to begin: what ended must not wait in memory for it.
			r.failed(note.flush())
			var more bool
			if j, more = r.lanes.take(worker); !more {
				return
			}
			if j == nil {
				c.prepare(r.ctx, r.cfg.Timeout)
				continue
			}
		}
		if r.ctx.Err() != nil {
			r.skip(j)
			continue
		}
		if r.failed(note.begins(j.delivery.Seq)) {
			r.skip(j)
			continue
		}
		note.ends(r.deliver(c, worker, j))
	}
}

// failed ends the run with the journal's error, if there is one.
func (r *run) failed(err error) bool {
	if err == nil {
		return false
	}
	r.broken.CompareAndSwap(nil, &err)
	r.abandon()
	return true
}

// deliver makes a delivery's attempts (R-FOUR) and returns what came of it, for
// the journal.
func (r *run) deliver(c *httpClient, worker int, j *job) noted {
	due, first := j.due, j.due
	for n := 1; ; n++ {
		f := r.ledger.fact(j)
		f.hasAttempt = true
		a := &f.attempt
		r.attempt(c, j, n, due, a)
		r.decide(a)
		ended := a.SentAt.Add(a.Took)
		if first.IsZero() {
			first = a.Intended
		}
		status, failure, wait := a.Status, a.Failure, a.RetryIn
		if a.Retry {
			// The wait begins when the attempt ended; it is part of no latency.
			due = ended.Add(wait)
			r.ledger.add(f)
			r.lanes.wait(worker, true)
			goOn := sleep(r.ctx, time.Until(due))
			r.lanes.wait(worker, false)
			if goOn {
				continue
			}
			f = r.ledger.fact(j)
			f.outcome = Outcome{Kind: Skipped, Reason: "the run ended while it waited for its next attempt"}
		} else {
			f.outcome = Outcome{Kind: a.Outcome, Reason: reason(a)}
		}
		f.hasOutcome = true
		o := &f.outcome
		o.Delivery, o.Attempts, o.Status, o.Failure, o.First, o.At = &j.delivery, n, status, failure, first, ended
		var end noted
		if r.cfg.Journal != nil {
			end = note(o)
		}
		r.ledger.add(f) // from here on the job belongs to the observer
		return end
	}
}

// attempt makes one call; due is zero when it was due at no certain time. A
// refused token is renewed and the call repeated once: to Relay's configuration
// that is still the same attempt.
func (r *run) attempt(c *httpClient, j *job, n int, due time.Time, a *Attempt) {
	d := &j.delivery
	*a = Attempt{Delivery: d, Number: n, Of: r.cfg.Attempts, Intended: due, BodyBytes: len(d.Body)}
	lose := n <= d.LostAcks
	for {
		signed, err := r.cfg.Auth.Sign(r.cfg.Kill)
		if a.SentAt = time.Now(); err != nil {
			r.noToken(a, err)
			break
		}
		r.counter.saw(signed)
		ans := c.do(r.cfg.Kill, a.SentAt, &Call{Body: d.Body, Signed: signed, Timeout: r.cfg.Timeout, DropAnswer: lose})
		a.Status, a.Failure, a.Detail = ans.Status, ans.Failure, ans.Detail
		if ans.Status != http.StatusUnauthorized {
			if ans.Status != 0 {
				r.cfg.Auth.Accepted(signed)
			}
			break
		}
		if a.Renewed || !r.cfg.Auth.Rejected(signed) {
			break
		}
		a.Renewed = true
	}
	if lose && a.Status != 0 {
		a.LostAck, a.LostStatus, a.Status = true, a.Status, 0
		a.Failure, a.Detail = Timeout, fmt.Sprintf("the answer %d was dropped on purpose", a.LostStatus)
	}
	now := time.Now()
	if a.Intended.IsZero() {
		a.Intended = a.SentAt
	}
	a.Took = now.Sub(a.SentAt)
	a.Latency = max(0, now.Sub(a.Intended))
}

// noToken says why a call could not be signed. A token endpoint that says no
// says so again; one that cannot be reached is like an endpoint that cannot.
func (r *run) noToken(a *Attempt, err error) {
	a.Failure, a.Detail = TokenFailed, err.Error()
	if r.cfg.Kill.Err() != nil {
		a.Failure, a.Detail = Interrupted, errKilled.Error()
		return
	}
	a.hopeless = auth.Refused(err)
}

// decide says what comes after an attempt.
func (r *run) decide(a *Attempt) {
	retried := r.cfg.RetryOn.retries(a.Status, a.Failure) && !a.hopeless
	switch {
	case a.Failure == NoFailure && accepted(a.Status):
		a.Outcome = Accepted
	case a.Failure == Interrupted:
		a.Outcome = Skipped
	case retried && a.Number < a.Of:
		a.Retry, a.RetryIn = true, r.scaled(delayAfter(r.cfg.RetryDelays, a.Number))
	case retried, a.Failure != NoFailure:
		a.Outcome = GivenUp
	default:
		a.Outcome = Refused
	}
}

// reason words an outcome.
func reason(a *Attempt) string {
	switch a.Outcome {
	case Refused:
		if a.Status == http.StatusUnauthorized {
			return "401 means invalid access and is not retried (R-401)"
		}
		return fmt.Sprintf("%d is not documented as retried (R-RETRY-ONLY, assumed)", a.Status)
	case GivenUp:
		what := a.Detail
		if a.Failure == NoFailure {
			what = fmt.Sprintf("status %d", a.Status)
		}
		if a.Number < a.Of {
			return fmt.Sprintf("%s, which is not among what is retried: %s", a.Failure, what)
		}
		return fmt.Sprintf("given up after %d attempts (R-FOUR): %s", a.Number, what)
	case Skipped:
		return "the run ended while it was under way"
	case Accepted:
		if a.Status != http.StatusOK {
			return fmt.Sprintf("%d is taken for accepted, but only 200 is documented (R-2XX, assumed)", a.Status)
		}
	}
	return ""
}

// tokenCounter counts the credentials that calls were signed with, one after
// the other: with OAuth, the tokens that were used. Schemes hand out the same
// headers until they change, and a worker may still hold the ones before.
type tokenCounter struct {
	last   atomic.Pointer[auth.Header]
	n      atomic.Int64
	mu     sync.Mutex
	before *auth.Header
}

func (t *tokenCounter) saw(signed []auth.Header) {
	if len(signed) == 0 || t.last.Load() == &signed[0] {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := t.last.Load(); last != &signed[0] && t.before != &signed[0] {
		t.before = last
		t.last.Store(&signed[0])
		t.n.Add(1)
	}
}
