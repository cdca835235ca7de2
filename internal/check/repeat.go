package check

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"relayctl/internal/event"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// Repeat is what shows a failure again, as data: whoever shows it words the
// command. One of Call, Handshake, Sequence, Load and Itself is set.
type Repeat struct {
	Call    *wire.Call // this call, credentials included
	Stalled bool       // with Call: while another client stops in the middle of a request
	Secrets []Secret   // with Call: what must not be shown of it

	Handshake *Handshake
	Sequence  *Sequence
	Load      *Load
	Itself    bool // the check again: it takes more than calls
}

// Handshake is a TLS handshake with the endpoint.
type Handshake struct {
	Host, Port string
	Version    uint16 // the only version on offer, 0 for what is usual
	Verify     bool   // the certificate is verified
	Dates      bool   // the certificate's end is shown
}

// Sequence is a list of events as a file that relayctl send plays.
type Sequence struct {
	Name     string      // of the file, without its ending
	Scenario bool        // Data is a scenario in YAML; else one envelope a line
	Data     []byte      //
	Batch    int         // events a batch, 0 for none
	Shape    event.Shape // of the batches
	AtOnce   int         // calls at once, whoever's; 0 for one after the other
	Hurry    bool        // the delays between attempts are of no matter
}

// Load is a burst of calls.
type Load struct {
	Events    int
	Rate      sim.Rate
	Workers   int
	TimeScale float64 // of the delays between attempts
}

// repeatCall is the repeat of a call of the run, or of its check where nothing but the
// run can make such a call.
func (r *run) repeatCall(k wire.Call) *Repeat {
	if len(k.Cuts) > 0 {
		return itself()
	}
	return &Repeat{Call: &k, Secrets: r.credentials.secrets()}
}

// itself is the repeat of a check that one has to run again.
func itself() *Repeat { return &Repeat{Itself: true} }

// repeatOrder is the repeat of a story whose events arrive in that order. It is
// a scenario, with fresh customers each time, where that can say it.
func repeatOrder(r *run, name string, s story, order []int) *Repeat {
	if apart(order) {
		return repeatEvents(r, name, s, order)
	}
	return &Repeat{Sequence: &Sequence{Name: name, Scenario: true, Data: scenarioFile(name, s, order, 0)}}
}

// apart says whether a duplicate comes after other events, which a scenario
// cannot say.
func apart(order []int) bool {
	for at, i := range order {
		if at > 0 && order[at-1] != i && slices.Contains(order[:at], i) {
			return true
		}
	}
	return false
}

// repeatEvents is the repeat of a story by its very events, told of a customer
// that the receiver has not heard of yet. Bytes that stand on one line are the
// same.
func repeatEvents(r *run, name string, s story, order []int) *Repeat {
	events := r.written(s)
	arrive := make([]plan.Delivery, len(order))
	for at, i := range order {
		arrive[at] = events[i]
	}
	return &Repeat{Sequence: &Sequence{Name: name, Data: linesOf(arrive)}}
}

// linesOf writes the bodies of events, one a line.
func linesOf(events []plan.Delivery) []byte {
	var b bytes.Buffer
	for _, d := range events {
		b.WriteString(strings.NewReplacer("\r", " ", "\n", " ").Replace(string(d.Body)) + "\n")
	}
	return b.Bytes()
}

// scenarioFile writes the story, in that order of arrival, as a scenario file.
func scenarioFile(name string, s story, order []int, lostAcks int) []byte {
	var b strings.Builder
	channels, messages := 1, 1
	for _, st := range s.steps {
		channels, messages = max(channels, st.Channel), max(messages, st.Message)
	}
	fmt.Fprintf(&b, "name: %s\nsummary: The events of a conformance check.\nchannels: %d\nmessages: %d\nsteps:\n", name, channels, messages)
	for i, st := range s.steps {
		first := slices.Index(order, i)
		if first < 0 {
			continue
		}
		copies := 1
		for first+copies < len(order) && order[first+copies] == i {
			copies++
		}
		fmt.Fprintf(&b, "  - event: %s\n    at: %s\n    arrives: %ds\n", st.Event, st.At, first)
		property := func(name string, value any, plain bool) {
			if !plain {
				fmt.Fprintf(&b, "    %s: %v\n", name, value)
			}
		}
		property("copies", copies, copies == 1)
		property("lost_acks", lostAcks, lostAcks == 0)
		property("channel", st.Channel, st.Channel <= 1)
		property("message", st.Message, st.Message <= 1)
		property("consent", st.Consent, st.Consent == "")
	}
	return []byte(b.String())
}

// words names the events of an order, for people.
func (s story) words(order []int) string {
	var parts []string
	for at, i := range order {
		st := s.steps[i]
		if slices.Contains(order[:at], i) {
			parts = append(parts, "the same "+st.Event+" again")
			continue
		}
		detail := ""
		if st.Consent != "" {
			detail = " " + st.Consent
		}
		parts = append(parts, fmt.Sprintf("%s%s of second %d", st.Event, detail, int(st.At.Seconds())))
	}
	return strings.Join(parts, ", then ")
}
