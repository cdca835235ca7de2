package check

import (
	"context"
	"crypto/tls"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// Env is what the checks of one run share. It is safe for concurrent use and
// not changed once the run has begun.
type Env struct {
	URL     string
	Auth    auth.Scheme   // the configured credentials; never nil
	AuthCfg auth.Config   // what Auth was made of, for wrong credentials
	Headers []auth.Header // custom headers of every call (R-HEADERS)
	TLS     *tls.Config   // trust
	Timeout time.Duration // the contract's deadline of a call (R-DEADLINE)

	RunID string    // fresh in every run: what a run sends is new to the receiver
	Seed  uint64    // of everything that is drawn, so that a run can be repeated
	Start time.Time // anchors event_ts

	Batch      int         // the largest batch to expect, 0 when batching is not configured
	BatchShape event.Shape // R-BATCH-BODY
	Capacity   sim.Rate    // of the load checks
	Duration   time.Duration
	RestartCmd string
	FaultOn    string
	FaultOff   string
	Probe      *Probe // nil where there is none
	CACert     string // the file of the CA that is trusted, for commands that repeat a call
	SaveDir    string // where failing sequences are saved for relayctl send; "" saves none

	customers atomic.Uint64
	saved     atomic.Uint64
	mu        sync.Mutex
	tokens    []string // guarded by mu: the OAuth tokens that the run has used
	healing   healing
	spelling  spelling
	burst     burst
}

// Trial is one check's run. It is safe for concurrent use, except for Rand.
type Trial struct {
	*Env
	Check   *Check
	Rand    *rand.Rand // seeded by the run's seed and the check's id
	sender  *sim.Sender
	control control
	hasty   bool // one silence is enough
}

// newTrial prepares the run of a check.
func (e *Env) newTrial(c *Check) (*Trial, error) {
	s, err := sim.NewSender(sim.SenderConfig{URL: e.URL, Auth: e.Auth, Headers: e.Headers, TLS: e.TLS, Timeout: e.Timeout, Seed: e.Seed})
	if err != nil {
		return nil, err
	}
	return &Trial{Env: e, Check: c, Rand: rand.New(rand.NewPCG(e.Seed, hash(c.ID))), sender: s}, nil
}

func hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // a hash takes everything
	return h.Sum64()
}

// Customer makes a customer that the receiver has never seen, whose ids carry
// the run's id: checks do not disturb each other and can run again and again.
//
// Their events are dated before the run, for what is told has happened, and
// have UUIDs for event ids: other forms and other times are for the checks that
// are about them.
func (t *Trial) Customer() *sim.Persona { return t.customerAt(t.Start.Add(-headstart)) }

// headstart is how long before the run its events begin.
const headstart = time.Minute

// customerAt makes a customer whose events begin at that time.
func (t *Trial) customerAt(start time.Time) *sim.Persona {
	return t.persona(t.customers.Add(1), start)
}

// persona is the run's customer of that number.
func (e *Env) persona(n uint64, start time.Time) *sim.Persona {
	seed := hash(e.RunID)
	id := sim.Identity{CCID: "check-" + e.RunID + "-" + strconv.FormatUint(n, 10)}
	p := sim.NewPersona(seed, seed%1_000_000+n, id, start)
	p.PlainIDs()
	return p
}

// Exchange is a call and what came of it.
type Exchange struct {
	Call   sim.Call
	Answer sim.Answer
}

// Accepted says whether the event was taken: 200, or another 2xx as assumed
// (R-200, R-2XX).
func (x Exchange) Accepted() bool { return x.Answer.Status >= 200 && x.Answer.Status < 300 }

// Describe words the answer: "status 403", "no answer within the deadline".
func (x Exchange) Describe() string {
	if x.Answer.Failure != sim.NoFailure {
		return x.Answer.Detail
	}
	if text := http.StatusText(x.Answer.Status); text != "" {
		return fmt.Sprintf("status %d (%s)", x.Answer.Status, text)
	}
	return fmt.Sprintf("status %d", x.Answer.Status)
}

// Call makes one call exactly as it is given, unsigned unless Signed is set,
// over a connection of its own. Nothing is tried again.
func (t *Trial) Call(ctx context.Context, k sim.Call) Exchange {
	c := t.sender.Caller()
	defer c.Close()
	return Exchange{k, c.Do(ctx, k)}
}

// maxPause bounds how long a Retry-After is honoured.
const maxPause = 10 * time.Second

// pause waits for as long as a 429 asks for and says whether it did.
func pause(ctx context.Context, h http.Header) bool {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	d := time.Second
	if err == nil {
		d = time.Duration(seconds) * time.Second
	}
	if d > maxPause {
		return false
	}
	timer := time.NewTimer(max(d, 100*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Event writes a fresh event of that name for a fresh customer.
func (t *Trial) Event(name string) sim.Delivery {
	d, err := t.Customer().Deliver(sim.Step{Event: name})
	if err != nil {
		panic(err) // cannot be: only overrides fail
	}
	return d
}
