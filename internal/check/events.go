package check

import (
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
)

// write writes the event of a step for a customer.
func write(p *plan.Persona, st plan.Step) plan.Delivery {
	d, err := p.Deliver(st)
	if err != nil {
		panic(err) // cannot happen: the checks' own overrides are sound
	}
	return d
}

// plainest gives the overrides that make a step the plainest event that the
// receiver was seen to accept: a receiver that refuses events for empty properties
// fails the check of that, and the other checks can still say something.
func (r *run) plainest(p *plan.Persona, st plan.Step) []event.Override {
	how := plainness(r.plainness.Load())
	if how == asDocumented {
		return nil
	}
	var out []event.Override
	for name, value := range payloadOf(write(p, st)) {
		switch {
		case value != nil && value != "":
		case how == withoutAbsent:
			out = append(out, unset("payload."+name))
		case name == "channel_addr":
			out = append(out, set("payload."+name, "10005550100"))
		default:
			out = append(out, set("payload."+name, "none"))
		}
	}
	return out
}

// plainness is the form of the plainest event that a receiver accepts.
type plainness int32

const (
	asDocumented  plainness = iota // with null and empty properties
	withoutAbsent                  // without the properties that are null or empty
	allTexts                       // with a text in every property
)

// writePlain writes the plainest event of a step that the receiver accepts.
func (r *run) writePlain(p *plan.Persona, st plan.Step) plan.Delivery {
	st.Set = append(r.plainest(p, st), st.Set...)
	return write(p, st)
}

// set overrides a property of an event, known or not.
func set(path string, value any) event.Override {
	o, err := event.NewSet("+"+path, value)
	if err != nil {
		panic(err) // cannot happen: the values are the checks' own
	}
	return o
}

// unset removes a property of an event.
func unset(path string) event.Override {
	o, err := event.ParseUnset("+" + path)
	if err != nil {
		panic(err) // cannot happen: the paths are the checks' own
	}
	return o
}
