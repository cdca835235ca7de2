package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"relayctl/internal/auth"
)

// SenderConfig says how deliveries are made. The zero value of a field is the
// default that is named with it.
type SenderConfig struct {
	URL     string        // http or https
	Auth    auth.Scheme   // nil is no authentication
	Headers []auth.Header // up to ten (R-HEADERS)
	TLS     *tls.Config   // trust; TLS 1.2 is the least in any case (R-HTTPS)

	Attempts    int             // 4 (R-FOUR)
	RetryDelays []time.Duration // none; DefaultRetryDelays are Relay's (R-DELAYS)
	RetryOn     RetryOn         // nothing; see DefaultRetryOn
	Timeout     time.Duration   // of one call, 10s (R-DEADLINE)
	TimeScale   float64         // of simulated waits, 1; negative waits not at all

	Workers  int  // 4 (R-WORKERS)
	Spread   bool // each delivery to the next free worker
	Original bool // wait for each delivery's Arrives
	Rate     Rate // unlimited

	Seed uint64 // only reported
	// Skip says whether a delivery was accepted by an earlier run; nil skips none.
	Skip func(*Delivery) bool
	// Kill ends the run at once when it is done; the context of Run lets
	// attempts under way end first. Nil never does.
	Kill context.Context
	// Dial replaces the network, for tests.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// maxHeaders is how many header pairs Relay lets one configure (R-HEADERS).
const maxHeaders = 10

// Sender delivers plans to one endpoint as Relay does. It is safe to call Run
// several times, also at once.
type Sender struct {
	cfg    SenderConfig
	target *target
}

// NewSender checks the configuration; it does not touch the network.
func NewSender(cfg SenderConfig) (*Sender, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the endpoint's URL cannot be read: %w", errors.Unwrap(err))
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the endpoint's URL %q does not begin with https://", u.Redacted())
	case u.Hostname() == "":
		return nil, fmt.Errorf("the endpoint's URL %q names no host", u.Redacted())
	case u.User != nil:
		return nil, errors.New("the endpoint's URL must not carry credentials; use --auth basic")
	case len(cfg.Headers) > maxHeaders:
		return nil, fmt.Errorf("%d custom headers; Relay sends at most %d", len(cfg.Headers), maxHeaders)
	case cfg.Attempts < 0 || cfg.Workers < 0 || cfg.Timeout < 0:
		return nil, errors.New("attempts, workers and timeout must not be negative")
	}
	for _, h := range cfg.Headers {
		if err := checkHeader(h); err != nil {
			return nil, err
		}
	}
	if cfg.Auth == nil {
		if cfg.Auth, err = auth.New(auth.Config{}); err != nil {
			return nil, err
		}
	}
	cfg.Attempts = orDefault(cfg.Attempts, 4)
	cfg.Workers = orDefault(cfg.Workers, 4)
	cfg.Timeout = orDefault(cfg.Timeout, 10*time.Second)
	cfg.TimeScale = orDefault(cfg.TimeScale, 1)
	if cfg.Kill == nil {
		cfg.Kill = context.Background()
	}
	return &Sender{cfg, newTarget(u, cfg.Headers, cfg.TLS, cfg.Dial)}, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// checkHeader refuses what would break the request, and what is not the
// user's to set.
func checkHeader(h auth.Header) error {
	if h.Name == "" || strings.ContainsFunc(h.Name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	}) {
		return fmt.Errorf("%q is no header name", h.Name)
	}
	if strings.ContainsAny(h.Value, "\r\n\x00") {
		return fmt.Errorf("the value of header %s contains a line break", h.Name)
	}
	switch http.CanonicalHeaderKey(h.Name) {
	case "Content-Length", "Content-Type", "Host", "Transfer-Encoding", "Connection", "Expect":
		return fmt.Errorf("header %s belongs to the call itself and cannot be set", h.Name)
	}
	return nil
}

// run is one Run of a sender.
type run struct {
	*Sender
	ctx    context.Context // done: stop sending new attempts
	facts  chan fact
	start  time.Time
	shared chan *job // of Spread
}

// job is a delivery on its way to a worker.
type job struct {
	delivery Delivery
	due      time.Time
}

// fact is what the one goroutine that observes is told; exactly one is set.
type fact struct {
	attempt *Attempt
	outcome *Outcome
}

// queued is how many deliveries are read ahead for all workers together: a
// worker that waits for a retry holds back its own customers only, until that
// many others have piled up behind it.
const queued = 16384

// Run delivers the plan and tells obs everything that happens, from one
// goroutine. It returns the summary when every delivery has an outcome. When
// ctx is done, attempts under way still end, and what was not begun is left.
// The error is the plan's, or ctx's; a delivery that failed is no error.
func (s *Sender) Run(ctx context.Context, plan Plan, obs Observer) (Summary, error) {
	r := &run{Sender: s, ctx: ctx, facts: make(chan fact, 1024), start: time.Now()}
	summary := newSummary(s.cfg.Seed, r.start)
	observed := make(chan struct{})
	go func() {
		defer close(observed)
		for f := range r.facts {
			summary.add(f)
			switch {
			case obs == nil:
			case f.attempt != nil:
				obs.Attempt(f.attempt)
			default:
				obs.Outcome(f.outcome)
			}
		}
	}()
	err := r.feed(plan)
	close(r.facts)
	<-observed
	summary.finish(time.Now())
	if err == nil {
		err = ctx.Err()
	}
	return *summary, err
}

// feed pulls the plan and hands each delivery to its worker when it is due.
func (r *run) feed(plan Plan) error {
	var workers sync.WaitGroup
	lanes := make([]chan *job, r.cfg.Workers)
	depth := max(1, min(1024, queued/r.cfg.Workers))
	if r.cfg.Spread {
		r.shared = make(chan *job, r.cfg.Workers)
	}
	for i := range lanes {
		lanes[i] = r.shared
		if !r.cfg.Spread {
			lanes[i] = make(chan *job, depth)
		}
		workers.Go(func() { r.work(lanes[i]) })
	}
	err := r.deal(plan, lanes)
	if r.cfg.Spread {
		close(r.shared)
	} else {
		for _, l := range lanes {
			close(l)
		}
	}
	workers.Wait()
	return err
}

func (r *run) deal(plan Plan, lanes []chan *job) error {
	calls := 0
	for d, err := range plan {
		if err != nil {
			return err
		}
		if r.cfg.Skip != nil && r.cfg.Skip(&d) {
			d = d.Clone()
			r.facts <- fact{outcome: &Outcome{Delivery: &d, Kind: Skipped, Reason: "accepted by an earlier run", At: time.Now()}}
			continue
		}
		j := &job{delivery: d.Clone(), due: r.dueAt(calls, d)}
		calls++
		if !r.sleepUntil(j.due) {
			return nil
		}
		if r.cfg.Rate.Calls == 0 && !r.cfg.Original {
			j.due = time.Time{} // as soon as the worker gets to it
		}
		select {
		case lanes[j.delivery.Lane%uint64(len(lanes))] <- j:
		case <-r.ctx.Done():
			return nil
		}
	}
	return nil
}

// dueAt is the intended start of a call in the open-loop schedule.
func (r *run) dueAt(n int, d Delivery) time.Time {
	at := r.cfg.Rate.due(n)
	if r.cfg.Original {
		at = max(at, r.scaled(d.Arrives))
	}
	return r.start.Add(at)
}

func (r *run) scaled(d time.Duration) time.Duration {
	return max(0, time.Duration(float64(d)*r.cfg.TimeScale))
}

// sleepUntil waits and says whether the run still goes on.
func (r *run) sleepUntil(t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return r.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// work serves one worker's deliveries one after the other (R-WORKERS).
func (r *run) work(jobs <-chan *job) {
	c := &httpClient{target: r.target}
	defer c.close()
	for j := range jobs {
		if r.ctx.Err() != nil {
			r.skip(j)
			continue
		}
		r.deliver(c, j)
	}
}

func (r *run) skip(j *job) {
	r.facts <- fact{outcome: &Outcome{Delivery: &j.delivery, Kind: Skipped, Reason: "the run ended before it was sent", First: j.due, At: time.Now()}}
}

// deliver makes a delivery's attempts (R-FOUR).
func (r *run) deliver(c *httpClient, j *job) {
	d := &j.delivery
	due := j.due
	if due.IsZero() {
		due = time.Now()
	}
	first := due
	for n := 1; ; n++ {
		a := r.attempt(c, d, n, due)
		if r.decide(a); a.Retry {
			// The wait begins when the attempt ended; it is part of no latency.
			due = time.Now().Add(a.RetryIn)
			r.facts <- fact{attempt: a}
			if r.sleepUntil(due) {
				continue
			}
			r.facts <- fact{outcome: &Outcome{Delivery: d, Kind: Skipped, Attempts: n, Status: a.Status, Failure: a.Failure,
				Reason: "the run ended while it waited for its next attempt", First: first, At: time.Now()}}
			return
		}
		r.facts <- fact{attempt: a}
		r.facts <- fact{outcome: &Outcome{Delivery: d, Kind: a.Outcome, Attempts: n, Status: a.Status, Failure: a.Failure,
			Reason: reason(a), First: first, At: time.Now()}}
		return
	}
}

// attempt makes one call. A refused token is renewed and the call repeated
// once: to Relay's configuration that is still the same attempt.
func (r *run) attempt(c *httpClient, d *Delivery, n int, due time.Time) *Attempt {
	a := &Attempt{Delivery: d, Number: n, Of: r.cfg.Attempts, Intended: due, BodyBytes: len(d.Body)}
	for renewed := false; ; renewed = true {
		signed, err := r.cfg.Auth.Sign(r.cfg.Kill)
		if a.SentAt = time.Now(); err != nil {
			a.Failure, a.Detail = TokenFailed, err.Error()
			break
		}
		ans := c.do(r.cfg.Kill, call{body: d.Body, signed: signed, timeout: r.cfg.Timeout, dropAnswer: n <= d.LostAcks})
		a.Status, a.Failure, a.Detail = ans.Status, ans.Failure, ans.Detail
		if n <= d.LostAcks && ans.Status != 0 {
			a.LostAck, a.LostStatus, a.Status = true, ans.Status, 0
			a.Failure, a.Detail = Timeout, fmt.Sprintf("the answer %d was dropped on purpose", ans.Status)
		}
		if a.Status == http.StatusUnauthorized && !renewed && r.cfg.Auth.Rejected(signed) {
			continue
		}
		if a.Failure == NoFailure && a.Status != http.StatusUnauthorized {
			r.cfg.Auth.Accepted(signed)
		}
		break
	}
	a.Latency = max(0, time.Since(a.Intended))
	return a
}

// decide says what comes after an attempt.
func (r *run) decide(a *Attempt) {
	retried := r.cfg.RetryOn.retries(a.Status, a.Failure)
	switch {
	case a.Failure == NoFailure && accepted(a.Status):
		a.Outcome = Accepted
	case a.Failure == Interrupted:
		a.Outcome = Skipped
	case retried && a.Number < a.Of:
		a.Retry, a.RetryIn = true, r.scaled(delayAfter(r.cfg.RetryDelays, a.Number))
	case retried:
		a.Outcome = GivenUp
	case a.Failure != NoFailure:
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
		return fmt.Sprintf("%d is not documented as retried (R-RETRY-ONLY)", a.Status)
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
