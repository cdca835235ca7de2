package check

import (
	"fmt"
	"slices"
	"strings"

	"relayctl/internal/sim"
)

// scenario is a sequence of a check's, to be saved in the form that relayctl
// send plays again, with a fresh customer each time.
type scenario struct {
	name, summary string
	story         story
	order         []int // of arrival; an index that comes again is a duplicate
	lostAcks      int   // of every event
}

// yaml writes the scenario file.
func (s *scenario) yaml() []byte {
	var b strings.Builder
	channels, messages := 1, 1
	for _, st := range s.story.steps {
		channels, messages = max(channels, st.Channel), max(messages, st.Message)
	}
	fmt.Fprintf(&b, "name: %s\nsummary: %q\nchannels: %d\nmessages: %d\nsteps:\n", s.name, orElse(s.summary, "The events of a conformance check."), channels, messages)
	for i, st := range s.story.steps {
		first := slices.Index(s.order, i)
		if first < 0 {
			continue
		}
		copies := 1
		for first+copies < len(s.order) && s.order[first+copies] == i {
			copies++
		}
		fmt.Fprintf(&b, "  - event: %s\n    at: %s\n    arrives: %ds\n", st.Event, st.At, first)
		if copies > 1 {
			fmt.Fprintf(&b, "    copies: %d\n", copies)
		}
		if s.lostAcks > 0 {
			fmt.Fprintf(&b, "    lost_acks: %d\n", s.lostAcks)
		}
		if st.Channel > 1 {
			fmt.Fprintf(&b, "    channel: %d\n", st.Channel)
		}
		if st.Message > 1 {
			fmt.Fprintf(&b, "    message: %d\n", st.Message)
		}
		if st.Consent != "" {
			fmt.Fprintf(&b, "    consent: %s\n", st.Consent)
		}
	}
	return []byte(b.String())
}

// scenarioCommand saves a scenario and returns the command that plays it, ""
// when it cannot be saved.
func (t *Trial) scenarioCommand(s *scenario, flags ...string) string {
	path, err := t.Save(s.name, "yaml", s.yaml())
	if err != nil {
		return ""
	}
	return t.SendCommand(path, flags...)
}

// repeat is the command that sends the story in that order, where the finding
// is a fault.
func (f finding) repeat(t *Trial, name string, s story, order []int, flags ...string) string {
	switch {
	case f.wrong == "":
		return ""
	case apart(order):
		return t.sequenceCommand(name, s, order, flags...)
	}
	return t.scenarioCommand(&scenario{name: name, story: s, order: order}, flags...)
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

// sequenceCommand saves the story, told of a customer that the receiver has not
// heard of yet, in that order and returns the command that sends it.
func (t *Trial) sequenceCommand(name string, s story, order []int, flags ...string) string {
	c := t.subject(s)
	var deliveries []sim.Delivery
	for _, i := range order {
		deliveries = append(deliveries, c.events[i])
	}
	command := t.SaveSequence(name, deliveries...)
	if command == "" {
		return ""
	}
	return strings.Join(append([]string{command}, flags...), " ")
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
