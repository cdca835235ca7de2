package check

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// run is what the checks of one run share: its settings, and what is found out
// on the way. Safe for concurrent use: each of its parts guards itself.
type run struct {
	*Settings
	customers   atomic.Uint64 // how many were made
	credentials *credentials
	healing     healing
	live        liveness
	until       time.Time // when checks that are not slow have to end; zero for no bound
	burst       burst
	traced      traced
	early       early
	idle        idleness
	plainness   atomic.Int32 // what the plainest event is that is accepted
	states      *readSide    // used only where there is a probe
}

func newRun(s *Settings) *run {
	own := *s
	if own.Waits == (Waits{}) {
		own.Waits = DefaultWaits()
	}
	if own.Shell == nil {
		own.Shell = sh
	}
	return &run{Settings: &own, live: liveness{gate: semaphore.NewWeighted(mostCalls)}, credentials: &credentials{Scheme: own.Auth, config: own.AuthConfig}, states: &readSide{probe: own.Probe, waits: own.Waits, leaveOut: own.LeaveOut}}
}

// Trial is one check's run: what a check acts with. It is safe for concurrent
// use, except for Rand.
type Trial struct {
	*caller
	Check   *Check
	Rand    *rand.Rand // seeded by the run's seed and the check's id
	control control
	effects sync.Map // of the key of usual events to *once[*effect]
}

// newTrial prepares the run of a check.
func (r *run) newTrial(c *Check) (*Trial, error) {
	s, err := sim.NewSender(sim.SenderConfig{URL: r.URL, Auth: r.Auth, Headers: r.Headers, TLS: r.TLS, Proxy: r.Proxy, Dial: r.Dial, Advice: r.Advice, Timeout: r.Timeout, Seed: r.Seed})
	if err != nil {
		return nil, err
	}
	return &Trial{caller: &caller{run: r, sender: s, check: c.ID}, Check: c, Rand: rand.New(rand.NewPCG(r.Seed, hash(c.ID)))}, nil
}

func hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // a hash takes everything
	return h.Sum64()
}

// headstart is how long before the run its events begin.
const headstart = time.Minute

// Customer makes a customer that the receiver has never seen, whose ids carry
// the run's id: checks do not disturb each other and can run again and again.
// Its events are dated before the run and have UUIDs for event ids; other times
// and ids are for the checks that are about them.
func (r *run) Customer() *plan.Persona { return r.customerAt(r.Start.Add(-headstart)) }

// customerAt makes a customer whose events begin at that time.
func (r *run) customerAt(start time.Time) *plan.Persona { return r.persona(r.customers.Add(1), start) }

// persona is the run's customer of that number.
func (r *run) persona(n uint64, start time.Time) *plan.Persona {
	return r.personaAs(n, plan.Identity{}, start)
}

// personaAs is the run's customer of that number with an identity of its own,
// which may leave things open.
func (r *run) personaAs(n uint64, id plan.Identity, start time.Time) *plan.Persona {
	if id.CCID == "" {
		// No one's is the beginning of another's, nor the same but for its last part:
		// mistakes of that kind are for isolation.customers.
		id.CCID = fmt.Sprintf("check.%s.%06d", strings.ReplaceAll(r.RunID, "-", "."), n)
	}
	seed := hash(r.RunID)
	p := plan.NewPersona(seed, seed%1_000_000+n, id, start)
	p.PlainIDs()
	return p
}

// Event writes a fresh event of that name for a fresh customer.
func (r *run) Event(name string) plan.Delivery {
	return r.writePlain(r.Customer(), plan.Step{Event: name})
}
