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
	"sync/atomic"
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
	Rate     Rate // open loop: due times never move, however slow the endpoint; unlimited

	Seed uint64 // only reported
	// Journal notes every outcome and knows what an earlier run had accepted;
	// nil keeps none. It serves one Run, which does not close it.
	Journal *Journal
	// Gauge shows the run's load while it goes on; nil for none.
	Gauge *Gauge
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
	ctx     context.Context // done: begin no further attempt
	lanes   *lanes
	ledger  *ledger
	start   time.Time
	counter tokenCounter
	// origin is the place in the plan's time at which this run begins: that of
	// its first delivery, where it is before the start or the run is continued.
	origin  time.Duration
	feeding bool // the plan was not pulled to its end
	// broken is the journal's first error, which ends the run: what cannot be
	// noted must not be sent.
	broken  atomic.Pointer[error]
	abandon context.CancelFunc
}

// Run delivers the plan and tells obs, which may be nil, everything that
// happens, from one goroutine. It returns the summary when every delivery that
// was pulled from the plan has an outcome. When ctx is done, attempts under way
// still end, retries are not waited for, and nothing more is pulled. The error
// is the plan's, the journal's or ctx's; a delivery that failed is no error.
func (s *Sender) Run(ctx context.Context, plan Plan, obs Observer) (Summary, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.cfg.Kill, cancel)()
	r := &run{
		Sender: s, ctx: ctx, start: time.Now(), ledger: newLedger(), abandon: cancel,
		lanes: newLanes(s.cfg.Workers, s.cfg.Spread, s.cfg.Rate.Calls > 0 || s.cfg.Original),
	}
	if s.cfg.Gauge != nil {
		s.cfg.Gauge.lanes.Store(r.lanes)
	}
	summary := newSummary(s.cfg.Seed, r.start)
	var observer sync.WaitGroup
	observer.Go(func() {
		r.ledger.each(func(f *fact) { tellFact(summary, obs, f) }, func(ended []*job) {
			if f, ok := obs.(Flusher); ok {
				f.Flush()
			}
			r.lanes.recycle(ended)
		})
	})
	var workers sync.WaitGroup
	for i := range s.cfg.Workers {
		workers.Go(func() { r.work(i) })
	}
	err := r.feed(plan)
	r.lanes.close()
	workers.Wait()
	r.ledger.close()
	observer.Wait()
	if _, ok := s.cfg.Auth.(auth.Expirer); ok {
		summary.Tokens = int(r.counter.n.Load())
	}
	summary.CutShort = r.feeding && ctx.Err() != nil
	summary.Interrupted = summary.Interrupted || summary.CutShort
	summary.finish(time.Now())
	if broken := r.broken.Load(); broken != nil {
		return *summary, *broken
	}
	if err == nil {
		err = ctx.Err()
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

// feed pulls the plan and queues each delivery when it is due.
func (r *run) feed(plan Plan) error {
	calls, passed := 0, 0
	r.feeding = true
	for d, err := range plan {
		if err != nil {
			return err
		}
		j := r.lanes.job()
		j.set(d)
		j.due = time.Time{}
		past, err := r.cfg.Journal.past(&j.delivery)
		if err != nil {
			return err
		}
		if past == delivered {
			passed++
			r.before(j)
			continue
		}
		j.again = past == underWay
		if calls == 0 && (d.Arrives < 0 || passed > 0) {
			r.origin = d.Arrives
		}
		due := r.dueAt(calls, d)
		calls++
		if r.lanes.openLoop {
			j.due = due
			if time.Until(due) > soon {
				r.lanes.prepare(d.Lane)
			}
			if !waitUntil(r.ctx, due) {
				r.skip(j)
				return nil
			}
		}
		if !r.lanes.put(r.ctx, j) {
			r.skip(j)
			return nil
		}
		if r.ctx.Err() != nil {
			return nil
		}
	}
	r.feeding = false
	return r.cfg.Journal.wholePlan()
}

// soon is how long a call has to be ahead for its worker to get ready for it: to
// connect is part of no call that is on time then.
const soon = 2 * time.Millisecond

// dueAt is the intended start of a call in the open-loop schedule.
func (r *run) dueAt(n int, d Delivery) time.Time {
	at := r.cfg.Rate.due(n)
	if r.cfg.Original {
		at = max(at, r.scaled(d.Arrives-r.origin))
	}
	return r.start.Add(at)
}

func (r *run) scaled(d time.Duration) time.Duration {
	return time.Duration(min(max(0, float64(d)*r.cfg.TimeScale), float64(forever)))
}

// forever is longer than any run, and far from where times overflow.
const forever = 100 * 365 * 24 * time.Hour

// skip gives a delivery that was not begun its outcome.
func (r *run) skip(j *job) {
	r.skipped(j, Outcome{Reason: "the run ended before it was sent"})
}

// before passes over a delivery that an earlier run had accepted.
func (r *run) before(j *job) {
	r.skipped(j, Outcome{Reason: "accepted by an earlier run", Before: true})
}

func (r *run) skipped(j *job, o Outcome) {
	o.Delivery, o.Kind, o.First, o.At = &j.delivery, Skipped, j.due, time.Now()
	f := r.ledger.fact(j)
	f.outcome, f.hasOutcome = o, true
	r.ledger.add(f)
}
