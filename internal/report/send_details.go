package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// Bounds of what a report lists one by one: a run may have a million events.
const (
	mostNotAccepted = 1000
	mostNames       = 200
)

// SendDetails gathers what the reports of a run of send show beside its summary. It
// is a sim.Observer of bounded size.
type SendDetails struct {
	Target      string // the endpoint, in words
	notAccepted []notAccepted
	cut         int // deliveries that were not accepted and are not listed
	byName      map[string]*nameCount
}

// notAccepted is a delivery that was not accepted, as the JSON report lists it.
type notAccepted struct {
	EventID   string          `json:"event_id"`
	EventName string          `json:"event_name"`
	Events    int             `json:"events"` // more than one in a batch
	CCID      string          `json:"ccid,omitempty"`
	Outcome   sim.OutcomeKind `json:"outcome"`
	Attempts  int             `json:"attempts"`
	Status    *int            `json:"status"`
	Error     *wire.Failure   `json:"error"`
	Reason    string          `json:"reason"`
	Answer    string          `json:"answer_body,omitempty"` // the beginning of the last one
	FirstAt   string          `json:"first_at,omitempty"`
	TookMS    float64         `json:"took_ms"`
	took      time.Duration
	customer  string   // in words
	names     []string // of its events, each once
}

// answer is the status of the last answer, or the failure if there was none.
func (m *notAccepted) answer() string {
	switch {
	case m.Status != nil:
		return strconv.Itoa(*m.Status)
	case m.Error != nil:
		return string(*m.Error)
	}
	return ""
}

type nameCount struct {
	Accepted       int `json:"accepted"`
	Retried        int `json:"retried"`
	GivenUp        int `json:"given_up"`
	Refused        int `json:"refused"`
	Skipped        int `json:"skipped"`
	AcceptedBefore int `json:"accepted_before"` // of the skipped
}

// NewSendDetails returns details of nothing; target is the endpoint as it may be shown.
func NewSendDetails(target string) *SendDetails {
	return &SendDetails{Target: target, byName: map[string]*nameCount{}}
}

// Attempt implements sim.Observer.
func (r *SendDetails) Attempt(*sim.Attempt) {}

// Outcome implements sim.Observer.
func (r *SendDetails) Outcome(o *sim.Outcome) {
	for _, e := range o.Delivery.Events {
		r.count(e.Name, o)
	}
	if len(o.Delivery.Events) == 0 {
		r.count("", o)
	}
	if o.Kind == sim.Accepted || o.AcceptedBefore {
		return
	}
	if len(r.notAccepted) >= mostNotAccepted {
		r.cut++
		return
	}
	name, id := deliveryName(o.Delivery)
	m := notAccepted{
		EventID: id, EventName: name, Events: max(1, len(o.Delivery.Events)), Outcome: o.Kind, Attempts: o.Attempts, Reason: o.Reason,
		Answer: bodyText(o.Answer), customer: customerText(o.Delivery),
	}
	for _, e := range o.Delivery.Events {
		if !slices.Contains(m.names, e.Name) {
			m.names = append(m.names, e.Name)
		}
	}
	if status := o.Status; status != 0 {
		m.Status = &status
	}
	if failure := o.Failure; failure != wire.NoFailure {
		m.Error = &failure
	}
	if !o.First.IsZero() {
		m.FirstAt, m.took = event.FormatTS(o.First), o.At.Sub(o.First)
		m.TookMS = duration.Millis(m.took)
	}
	if len(o.Delivery.Events) == 1 {
		m.CCID = m.customer
	}
	r.notAccepted = append(r.notAccepted, m)
}

// of is the count of a name, or that of all names beyond the bound.
func (r *SendDetails) of(name string) *nameCount {
	c := r.byName[name]
	if c == nil {
		if len(r.byName) >= mostNames {
			name = "(other)"
		}
		if c = r.byName[name]; c == nil {
			c = &nameCount{}
			r.byName[name] = c
		}
	}
	return c
}

func (r *SendDetails) count(name string, o *sim.Outcome) {
	c := r.of(name)
	switch o.Kind {
	case sim.Accepted:
		c.Accepted++
		if o.Attempts > 1 {
			c.Retried++
		}
	case sim.GivenUp:
		c.GivenUp++
	case sim.Refused:
		c.Refused++
	case sim.Skipped:
		c.Skipped++
		if o.AcceptedBefore {
			c.AcceptedBefore++
		}
	}
}

// SendResult is a finished run of send, with everything that its reports need.
type SendResult struct {
	Details  *SendDetails
	Summary  sim.Summary
	Embedded *judge.Summary // of the embedded receiver, nil for another endpoint
	Exit     int
	Plan     PlanID
}

// PlanID says which plan a run is of, and which shard of it.
type PlanID struct {
	Seed      uint64            `json:"seed"`
	Start     string            `json:"start"`
	Arguments map[string]string `json:"arguments"` // those that make the plan, without secrets
	Hash      string            `json:"hash"`      // of all of it
	Shard     plan.Shard        `json:"-"`
}

// NewPlanID makes the identity of a plan.
func NewPlanID(seed uint64, start time.Time, args map[string]string, shard plan.Shard) PlanID {
	id := PlanID{Seed: seed, Start: start.UTC().Format(time.RFC3339Nano), Arguments: args, Shard: shard}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s\n", id.Seed, id.Start)
	for _, name := range sortedKeys(args) {
		fmt.Fprintf(h, "%q %q\n", name, args[name])
	}
	id.Hash = "sha256:" + hex.EncodeToString(h.Sum(nil)[:16])
	return id
}

// verdict says in a few words how the run ended.
func verdict(sum *sim.Summary) (string, term.Tone) {
	switch {
	case sum.Deliveries == 0:
		return "nothing was sent", term.Bad
	case sum.CallInstead != "":
		return "ended early: the endpoint speaks TLS", term.Bad
	case sum.GaveUpAfter > 0:
		return "ended early: the endpoint could not be reached", term.Bad
	case sum.Interrupted:
		return "ended early", term.Warn
	case !sum.OK():
		return "not everything was delivered", term.Bad
	}
	return "delivered", term.Good
}

// cutNote says what a bounded list leaves out, "" for nothing.
func (r *SendDetails) cutNote() string {
	if r.cut == 0 {
		return ""
	}
	return fmt.Sprintf("%d more that were not accepted are counted above, but not listed: a report lists %d at most", r.cut, mostNotAccepted)
}
