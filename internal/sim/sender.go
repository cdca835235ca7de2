package sim

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// SenderConfig says how deliveries are made. The zero value of a field is the
// default that is named with it.
type SenderConfig struct {
	URL     string        // http or https
	Auth    auth.Scheme   // nil sends no credentials
	Headers []auth.Header // up to ten (R-HEADERS)
	TLS     *tls.Config   // trust; TLS 1.2 is the least in any case (R-HTTPS)

	Attempts    int             // 4 (R-FOUR)
	RetryDelays []time.Duration // none; event.RetryDelays are Relay's (R-DELAYS)
	RetryOn     RetryOn         // nothing; see DefaultRetryOn
	Timeout     time.Duration   // of one call, 10s (R-DEADLINE)
	TimeScale   float64         // of simulated waits, 1; negative waits not at all

	Workers  int  // 4 (R-WORKERS)
	Spread   bool // each delivery to the next free worker
	Original bool // wait for each delivery's Arrives
	Rate     Rate // open loop: due times never move, however slow the endpoint; unlimited

	// GiveUpAfter ends the run after so many attempts in a row, over all workers, that
	// could not connect. GiveUpIn ends it sooner: when three or more in a row brought no
	// answer for so long. 0 turns either of them off.
	GiveUpAfter int
	GiveUpIn    time.Duration

	// Shard is this process's part of the plan. Rate counts the calls of all shards; of
	// these, a shard makes every Shard.Of-th.
	Shard plan.Shard
	Seed  uint64 // only reported
	// Journal notes every outcome and knows what an earlier run had accepted;
	// nil keeps none. It serves one Run, which does not close it.
	Journal *Journal
	// Gauge shows the run's load while it goes on; nil for none.
	Gauge *Gauge
	// Kill ends the run at once when it is done; the context of Run lets
	// attempts under way end first. Nil never does.
	Kill   context.Context
	Proxy  *wire.Proxy // on the way to the endpoint
	Advice wire.Advice // what to do about failures
	// Dial replaces the network, for tests.
	Dial wire.Dial
}

// maxHeaders is how many header pairs Relay lets one configure (R-HEADERS).
const maxHeaders = 10

// Sender delivers plans to one endpoint as Relay does. It is safe to call Run
// several times, also at once.
type Sender struct {
	cfg    SenderConfig
	target *wire.Target
}

// ErrCredentials says that the URL holds a user name or a password. Credentials belong to
// SenderConfig.Auth.
var ErrCredentials = errors.New("the endpoint's URL must not carry credentials")

// NewSender checks the configuration; it does not touch the network. The error names the
// first mistake; it is ErrCredentials for a URL with a user name.
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
		return nil, ErrCredentials
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
	cfg.Attempts = cmp.Or(cfg.Attempts, event.Attempts)
	cfg.Workers = cmp.Or(cfg.Workers, 4)
	cfg.Timeout = cmp.Or(cfg.Timeout, event.Deadline)
	cfg.TimeScale = cmp.Or(cfg.TimeScale, 1)
	if cfg.Kill == nil {
		cfg.Kill = context.Background()
	}
	return &Sender{cfg, wire.NewTarget(wire.TargetConfig{
		URL: u, Headers: cfg.Headers, TLS: cfg.TLS, Proxy: cfg.Proxy, Dial: cfg.Dial, Advice: cfg.Advice,
	})}, nil
}

// Conn makes single calls to the sender's endpoint. Close it.
func (s *Sender) Conn() *wire.Conn { return wire.NewConn(s.target, s.cfg.Timeout) }

// checkHeader refuses a header that would break the request, or that the call
// itself sets.
func checkHeader(h auth.Header) error {
	if h.Name == "" || strings.ContainsFunc(h.Name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	}) {
		return fmt.Errorf("%q is not a header name", h.Name)
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
	ctx        context.Context // done: begin no further attempt
	dispatcher *dispatcher
	ledger     *ledger
	start      time.Time
	counter    tokenCounter
	// origin is the time of the plan at which this run begins. It is 0, unless the first
	// delivery lies before the start or the run is continued: then it is the time of its
	// first delivery.
	origin   time.Duration
	planLeft bool // the plan was not pulled to its end
	// broken is the journal's first error. It ends the run: a delivery that the
	// journal cannot note must not be sent.
	broken      atomic.Pointer[error]
	abandon     context.CancelFunc
	unreachable silence
	gaveUp      atomic.Int64 // how many attempts in a row could not connect, where that ended the run
	sure        atomic.Bool  // the endpoint has answered, or hung up; see doubtScheme
	speaksTLS   atomic.Bool  // the endpoint, although its URL is http
}

// Run delivers the plan and tells obs, which may be nil, everything that happens, from one
// goroutine. It returns when every delivery that was pulled from the plan has an outcome.
//
// A run ends early when ctx is done, when it gives up (GiveUpAfter, GiveUpIn), and when an
// http endpoint turns out to speak TLS. Then attempts under way still end, retries are not
// waited for, and nothing more is pulled.
//
// The error is that of the plan, the journal (*JournalError) or ctx. A delivery that
// failed is not an error, and neither is an endpoint that is given up: both are in the
// summary.
func (s *Sender) Run(ctx context.Context, stream plan.Stream, obs Observer) (Summary, error) {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.cfg.Kill, cancel)()
	r := &run{
		Sender: s, ctx: running, start: time.Now(), ledger: newLedger(), abandon: cancel,
		dispatcher: newDispatcher(s.cfg.Workers, s.cfg.Spread, s.cfg.Rate.Calls > 0 || s.cfg.Original),
	}
	if s.cfg.Gauge != nil {
		s.cfg.Gauge.dispatcher.Store(r.dispatcher)
	}
	summary := NewSummary(s.cfg.Seed, r.start)
	var observer sync.WaitGroup
	observer.Go(func() {
		r.ledger.each(func(f *fact) { tellFact(summary, obs, f) }, func(ended []*job) {
			if f, ok := obs.(Flusher); ok {
				f.Flush()
			}
			r.dispatcher.recycle(ended)
		})
	})
	var workers sync.WaitGroup
	for i := range s.cfg.Workers {
		workers.Go(func() { r.work(i) })
	}
	err := r.enqueue(stream)
	r.dispatcher.close()
	workers.Wait()
	r.ledger.close()
	observer.Wait()
	if _, ok := s.cfg.Auth.(auth.Expirer); ok {
		summary.Tokens = int(r.counter.n.Load())
	}
	summary.GaveUpAfter = int(r.gaveUp.Load())
	if r.speaksTLS.Load() {
		summary.CallInstead = s.target.Instead()
	}
	summary.CutShort = r.planLeft && running.Err() != nil
	summary.Interrupted = summary.Interrupted || summary.CutShort
	summary.finish(time.Now())
	if broken := r.broken.Load(); broken != nil {
		return *summary, *broken
	}
	if err == nil && summary.GaveUpAfter == 0 && summary.CallInstead == "" {
		err = running.Err()
	}
	return *summary, err
}

func tellFact(s *Summary, obs Observer, f *fact) {
	if f.hasAttempt {
		s.addAttempt(&f.attempt)
		if f.job.again && f.attempt.Number == 1 {
			s.addResent(f.attempt.Delivery)
		}
		if obs != nil {
			obs.Attempt(&f.attempt)
		}
	}
	if f.hasOutcome {
		s.addOutcome(&f.outcome)
		if obs != nil {
			obs.Outcome(&f.outcome)
		}
	}
}

// enqueue pulls the plan and queues each delivery: when it is due, where Rate or Original
// give due times, and otherwise as soon as there is room.
func (r *run) enqueue(stream plan.Stream) error {
	calls, passed := 0, 0
	r.planLeft = true
	for d, err := range stream {
		if err != nil {
			return err
		}
		j := r.dispatcher.job()
		j.set(d)
		j.due = time.Time{}
		past, err := r.cfg.Journal.past(&j.delivery)
		if err != nil {
			return err
		}
		if past == delivered {
			passed++
			r.passOver(j)
			continue
		}
		j.again = past == underWay
		if calls == 0 && (d.Arrives < 0 || passed > 0) {
			r.origin = d.Arrives
		}
		due := r.dueAt(calls, d)
		calls++
		if r.dispatcher.openLoop {
			j.due = due
			if time.Until(due) > soon {
				r.dispatcher.prepare(d.Lane)
			}
			if !waitUntil(r.ctx, due) {
				r.skip(j)
				return nil
			}
		}
		if !r.dispatcher.put(r.ctx, j) {
			r.skip(j)
			return nil
		}
		if r.ctx.Err() != nil {
			return nil
		}
	}
	r.planLeft = false
	return r.cfg.Journal.wholePlan()
}

// soon is how far ahead of its due time a call has to be for its worker to
// connect first, so that connecting does not make the call late.
const soon = 2 * time.Millisecond

// dueAt is the intended start of a call in the open-loop schedule.
func (r *run) dueAt(n int, d plan.Delivery) time.Time {
	at := r.cfg.Rate.Due(n*max(r.cfg.Shard.Of, 1) + max(r.cfg.Shard.Index, 1) - 1)
	if r.cfg.Original {
		at = max(at, r.scaled(d.Arrives-r.origin))
	}
	return r.start.Add(at)
}

func (r *run) scaled(d time.Duration) time.Duration {
	return time.Duration(min(max(0, float64(d)*r.cfg.TimeScale), float64(forever)))
}

// forever is longer than any run, and does not overflow when added to a time.
const forever = 100 * 365 * 24 * time.Hour

// skip ends a delivery that was not begun.
func (r *run) skip(j *job) {
	r.skipped(j, Outcome{Reason: "the run ended before it was sent"})
}

// passOver ends a delivery that was accepted in an earlier run.
func (r *run) passOver(j *job) {
	r.skipped(j, Outcome{Reason: "accepted by an earlier run", AcceptedBefore: true})
}

func (r *run) skipped(j *job, o Outcome) {
	o.Delivery, o.Kind, o.First, o.At = &j.delivery, Skipped, j.due, time.Now()
	f := r.ledger.fact(j)
	f.outcome, f.hasOutcome = o, true
	r.ledger.add(f)
}
