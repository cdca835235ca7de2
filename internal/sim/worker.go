package sim

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim/wire"
)

// work serves one worker's deliveries one after the other (R-WORKERS).
func (r *run) work(worker int) {
	c := wire.NewClient(r.target)
	defer c.Close()
	defer c.EndWith(r.cfg.Kill)()
	note := noter{journal: r.cfg.Journal}
	for {
		j := r.dispatcher.tryTake(worker)
		if j == nil {
			// There is no next job yet: write now what ended.
			r.failed(note.flush())
			var more bool
			if j, more = r.dispatcher.take(worker); !more {
				return
			}
			if j == nil {
				c.Prepare(r.ctx, r.cfg.Timeout)
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
func (r *run) deliver(c *wire.Client, worker int, j *job) noted {
	due, first := j.due, j.due
	for n := 1; ; n++ {
		f := r.ledger.fact(j)
		f.hasAttempt = true
		a := &f.attempt
		r.attempt(c, j, n, due, a)
		r.doubtScheme(a)
		r.decide(a)
		r.countUnreachable(a)
		ended := a.SentAt.Add(a.Took)
		if first.IsZero() {
			first = a.Intended
		}
		status, failure, answer, wait := a.Status, a.Failure, a.Answer, a.RetryIn
		if a.Retry {
			// The wait begins when the attempt ended; it is part of no latency.
			due = ended.Add(wait)
			r.ledger.add(f)
			r.dispatcher.wait(worker, due)
			goOn := sleep(r.ctx, time.Until(due))
			r.dispatcher.wait(worker, time.Time{})
			if goOn {
				continue
			}
			f = r.ledger.fact(j)
			f.outcome = Outcome{Kind: Skipped, Reason: "the run ended while it waited for its next attempt"}
		} else {
			f.outcome = Outcome{Kind: a.Outcome, Reason: r.reason(a)}
		}
		f.hasOutcome = true
		o := &f.outcome
		o.Delivery, o.Attempts, o.Status, o.Failure, o.Answer, o.First, o.At = &j.delivery, n, status, failure, answer, first, ended
		var end noted
		if r.cfg.Journal != nil {
			end = note(o)
		}
		r.ledger.add(f) // from here on the job belongs to the observer
		return end
	}
}

// silence is how long the endpoint has given no answer.
type silence struct {
	attempts atomic.Int64 // in a row, over all workers; those that were cut off count too
	mu       sync.Mutex
	refused  int       // of them, those that could not connect
	since    time.Time // when the first of them went out
}

// fewAtLeast is how many attempts in a row have to fail before GiveUpIn can end the run.
const fewAtLeast = 3

// countUnreachable ends the run once too many attempts in a row, over all workers,
// could not connect, or the last of a few that had no answer for too long.
func (r *run) countUnreachable(a *Attempt) {
	s := &r.unreachable
	gone := a.Requests == 0 && (a.Failure == wire.Connect || a.Failure == wire.Timeout)
	switch {
	case gone || a.Failure == wire.Cut && !a.LostAck:
	case a.Requests > 0 || a.Failure == wire.TLS:
		if s.attempts.Load() == 0 { // to take the lock each time would slow the others down
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused = 0
		s.attempts.Store(0)
		return
	default:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.attempts.Add(1)
	if n == 1 {
		s.since = a.SentAt
	}
	if !gone {
		return
	}
	s.refused++
	long := r.cfg.GiveUpIn > 0 && n >= fewAtLeast && a.SentAt.Add(a.Took).Sub(s.since) >= r.cfg.GiveUpIn
	if (long || s.refused == r.cfg.GiveUpAfter) && r.gaveUp.CompareAndSwap(0, int64(s.refused)) {
		r.abandon()
	}
}

// doubtScheme looks at the first answer of an http endpoint. If it is the 400 with which a
// TLS port answers plain http, it tries a handshake; if that works, the run ends, because
// nothing can be delivered. A connection that was only closed can have many causes, so
// there it just adds a hint.
func (r *run) doubtScheme(a *Attempt) {
	cut := a.Failure == wire.Cut && !a.LostAck
	if r.sure.Load() || !cut && a.Status == 0 || !r.sure.CompareAndSwap(false, true) {
		return
	}
	switch {
	case !r.target.Plain(), !cut && (a.Status != http.StatusBadRequest || !namesTLS(a.Answer)):
		return
	case cut:
		a.Detail += "; a port for TLS does so too: is it " + r.target.Instead() + "?"
		return
	case !r.target.SpeaksTLS(r.cfg.Kill, r.cfg.Timeout):
		return
	}
	a.Status, a.Failure, a.Answer = 0, wire.TLS, nil
	a.Detail = "the endpoint speaks TLS on this port (did you mean " + r.target.Instead() + "?)"
	r.speaksTLS.Store(true)
	r.abandon()
}

// namesTLS says whether an answer speaks of TLS, as servers answer a request without
// it on a port for TLS.
func namesTLS(body []byte) bool {
	text := strings.ToLower(string(body))
	return strings.Contains(text, "https") || strings.Contains(text, "tls") || strings.Contains(text, "ssl")
}

// keptAnswer is how much of the body of an answer other than 2xx is kept for people.
const keptAnswer = 2 << 10

// attempt makes one call and fills in a. due is zero if the call had no due time. When a
// token is refused, it is renewed and the call repeated once: in Relay's count that is
// still the same attempt.
func (r *run) attempt(c *wire.Client, j *job, n int, due time.Time, a *Attempt) {
	d := &j.delivery
	*a = Attempt{Delivery: d, Number: n, Of: r.cfg.Attempts, Intended: due}
	lose := n <= d.LostAcks
	for {
		signed, err := r.cfg.Auth.Sign(r.cfg.Kill)
		if a.SentAt = time.Now(); err != nil {
			r.noToken(a, err)
			break
		}
		r.counter.saw(signed)
		ans := c.Do(r.cfg.Kill, a.SentAt, &wire.Call{Body: d.Body, Signed: signed, Timeout: r.cfg.Timeout, DropAnswer: lose, KeepFailed: keptAnswer})
		a.Status, a.Failure, a.Detail, a.Answer = ans.Status, ans.Failure, ans.Detail, ans.Body
		if ans.Sent {
			a.Requests++
		}
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
		a.Failure, a.Detail = wire.Timeout, fmt.Sprintf("the answer %d was dropped on purpose", a.LostStatus)
	}
	now := time.Now()
	if a.Intended.IsZero() {
		a.Intended = a.SentAt
	}
	a.Took = now.Sub(a.SentAt)
	a.Latency = max(0, now.Sub(a.Intended))
}

// noToken fills in an attempt that could not be signed. When the token endpoint
// refused, another attempt would end in the same way.
func (r *run) noToken(a *Attempt, err error) {
	a.Failure, a.Detail = wire.TokenFailed, err.Error()
	if r.cfg.Kill.Err() != nil {
		a.Failure, a.Detail = wire.Interrupted, wire.ErrEnded.Error()
		return
	}
	a.noRetry = auth.CredentialsRefused(err)
}

// decide says what comes after an attempt.
func (r *run) decide(a *Attempt) {
	retried := r.cfg.RetryOn.Retries(a.Status, a.Failure) && !a.noRetry
	switch {
	case a.Failure == wire.NoFailure && event.Accepted(a.Status):
		a.Outcome = Accepted
	case a.Failure == wire.Interrupted:
		a.Outcome = Skipped
	case retried && a.Number < a.Of:
		a.Retry, a.RetryIn = true, r.scaled(delayAfter(r.cfg.RetryDelays, a.Number))
	case retried, a.Failure != wire.NoFailure:
		a.Outcome = GivenUp
	default:
		a.Outcome = Refused
	}
}

// reason words an outcome.
func (r *run) reason(a *Attempt) string {
	switch a.Outcome {
	case Refused:
		if a.Status == http.StatusUnauthorized {
			return "401 means invalid access and is not retried (R-401)" + r.lacking()
		}
		return fmt.Sprintf("%d is not documented as retried (R-RETRY-ONLY, assumed)", a.Status)
	case GivenUp:
		what := a.Detail
		if a.Failure == wire.NoFailure {
			what = fmt.Sprintf("status %d", a.Status)
		}
		if a.Number < a.Of {
			return fmt.Sprintf("%s, which is not among what is retried: %s", a.Failure, what)
		}
		if a.Number == 1 {
			return "given up after its only attempt: " + what
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

// lacking says that there are no credentials, where there are none and somebody knows
// what to do about it.
func (r *run) lacking() string {
	if r.cfg.Advice.Anonymous == "" {
		return ""
	}
	return " (no credentials are configured: " + r.cfg.Advice.Anonymous + ")"
}

// tokenCounter counts the different credentials that calls were signed with: with OAuth,
// the tokens. A scheme gives the same headers until they change, and a worker may
// still hold the previous ones. It is safe for concurrent use.
type tokenCounter struct {
	last   atomic.Pointer[auth.Header]
	n      atomic.Int64
	mu     sync.Mutex
	before *auth.Header
}

// saw counts the credentials of a call when they are new.
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
