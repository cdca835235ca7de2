package check

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
)

// story is what happens to a customer, in the order of event time. Every
// customer to whom it happens is told by the same steps, so that their states
// can be compared.
type story struct {
	name  string
	steps []plan.Step
}

// step is an event so many seconds after the beginning of its story. Events of
// a story are at least a second apart unless they are meant to coincide.
func step(second int, name string, channel, message int) plan.Step {
	return plan.Step{Event: name, At: time.Duration(second) * time.Second, Channel: channel, Message: message}
}

func consent(second int, channel int, value string) plan.Step {
	st := step(second, "channel_consent.update", channel, 1)
	st.Consent = value
	return st
}

// life is rich enough for any ordinary projection: what is overwritten changes
// back and forth, what is counted happens more than once, and it uses every
// event of the catalogue but the end of an account; each kind is the last to say
// something, so that the state shows it when one is lost.
func life() story {
	return story{"life", []plan.Step{
		step(0, "notification_channel.add", 1, 1),
		consent(2, 1, "express"),
		step(5, "message.delivered", 1, 1),
		step(7, "notification.attempted", 1, 1),
		step(9, "notification.delivered", 1, 1),
		step(12, "notification.auth_link_clicked", 1, 1),
		step(15, "notification.auth_link_clicked", 1, 1),
		step(18, "message.action_taken", 1, 1),
		step(20, "notification_channel.add", 2, 1),
		consent(22, 2, "written"),
		step(25, "message.delivered", 1, 2),
		step(27, "notification.attempted", 1, 2),
		step(29, "notification.attempted", 2, 2),
		step(31, "notification.undelivered", 2, 2),
		step(33, "notification.delivered", 1, 2),
		step(36, "message.action_taken", 1, 2),
		consent(39, 1, "stop"),
		step(42, "notification_channel.remove", 2, 1),
		step(45, "message.undelivered", 1, 3),
		step(48, "message.delivered", 1, 4),
		step(50, "notification.not_attempted", 1, 4),
		consent(53, 1, "express"),
		step(56, "notification_channel.add", 2, 1),
		consent(59, 2, "stop"),
		step(61, "message.delivered", 1, 5),
		step(63, "notification.attempted", 1, 5),
		step(66, "notification_channel.add", 3, 1),
		step(69, "notification_channel.remove", 3, 1),
		step(72, "notification.auth_link_used", 1, 5),
	}}
}

// farewell ends with the account.
func farewell() story {
	return story{"farewell", []plan.Step{
		step(0, "notification_channel.add", 1, 1),
		consent(2, 1, "written"),
		step(5, "message.delivered", 1, 1),
		step(7, "notification.attempted", 1, 1),
		step(9, "notification.delivered", 1, 1),
		step(12, "message.action_taken", 1, 1),
		step(20, "notification_channel.remove", 1, 1),
		step(22, "account.deactivate", 1, 1),
	}}
}

// receipts is a story of several SMS whose receipts and clicks happen in every sequence
// that is possible, so that the last event of an SMS is not always of the same kind.
func receipts() story {
	return story{"receipts", []plan.Step{
		step(0, "notification_channel.add", 1, 1),
		step(2, "message.delivered", 1, 1),
		step(4, "notification.attempted", 1, 1),
		step(6, "notification.auth_link_clicked", 1, 1),
		step(8, "notification.undelivered", 1, 1),
		step(10, "message.delivered", 1, 2),
		step(12, "notification.delivered", 1, 2),
		step(14, "notification.undelivered", 1, 2),
		step(16, "message.delivered", 1, 3),
		step(18, "notification.undelivered", 1, 3),
		step(20, "notification.auth_link_clicked", 1, 3),
		step(22, "notification.delivered", 1, 3),
	}}
}

// subject is a customer of the suite's with the events of a story.
type subject struct {
	story  story
	events []plan.Delivery // in the order of the story
	view   *state.View
	reads  []idSet // the uses of the probe that show all of it
}

// lead is how long before now a story ends at least. Receivers may distrust
// times in the future and those of long ago; a story's are neither. They also
// differ from those of other events of the run, and from the time of receipt.
const lead = 30 * time.Second

// subject makes a fresh customer with the story's events.
func (r *run) subject(s story) *subject { return r.subjectAs(s, plan.Identity{}) }

// subjectAs makes a subject whose identity is given as far as it matters.
func (r *run) subjectAs(s story, id plan.Identity) *subject {
	out := &subject{story: s, events: r.writtenAs(s, id)}
	out.view = r.Probe.view(out.events)
	out.reads = r.Probe.readings(out.events)
	return out
}

// written writes the story's events for a fresh customer. They have event times
// that no other customer of the run has.
func (r *run) written(s story) []plan.Delivery { return r.writtenAs(s, plan.Identity{}) }

func (r *run) writtenAs(s story, id plan.Identity) []plan.Delivery {
	length := time.Duration(0)
	for _, st := range s.steps {
		length = max(length, st.At)
	}
	n := r.customers.Add(1)
	const spread = 480 // milliseconds, less than what rounding to a second turns up
	// A long run's last stories must not be too old.
	end := r.Start.Add(-headstart - 5*time.Second)
	if late := time.Now().Add(-lead); late.Add(-length).After(r.Start.Add(headstart)) {
		end = late
	}
	start := end.Add(-length - time.Duration(n/spread)*time.Second).Truncate(time.Second).Add(time.Duration(1+n%spread) * time.Millisecond)
	p := r.personaAs(n, id, start)
	var out []plan.Delivery
	for _, st := range s.steps {
		st.Set = append(append(uniform(st.Event), r.plainest(p, st)...), st.Set...)
		out = append(out, write(p, st))
	}
	return out
}

// uniform gives all customers what a persona would draw for each.
func uniform(name string) []event.Override {
	var out []event.Override
	add := func(path, value string) { out = append(out, set(path, value)) }
	if !strings.HasPrefix(name, "notification_channel.") && !strings.HasPrefix(name, "channel_consent.") && name != "account.deactivate" {
		add("payload.message_name", "Conformance check")
	}
	if name == "message.action_taken" {
		add("payload.action_label", "Call Customer Service")
		add("payload.action_value", "(800) 555 1234")
	}
	return out
}

// readings are the uses of the probe that show all of a customer: one for each
// of the events, messages or notifications that its placeholders name.
func (p *Probe) readings(history []plan.Delivery) []idSet {
	if p == nil {
		return nil
	}
	var out []idSet
	seen := map[string]bool{}
	for _, d := range history {
		payload := payloadOf(d)
		ids, key := idSet{}, ""
		for _, name := range p.uses {
			id, _ := payload[name].(string)
			if name == "event_id" {
				id = d.Events[0].ID
			}
			ids[name] = id
			key += id + "\x00"
			if id == "" {
				key = ""
				break
			}
		}
		if key == "" || seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, ids)
	}
	return out
}

// many says whether a customer may take several readings.
func (p *Probe) many() bool { return len(p.uses) != 1 || p.uses[0] != "ccid" }

// view makes the view of a customer with that history.
func (p *Probe) view(history []plan.Delivery) *state.View {
	if p == nil {
		return nil
	}
	events := make([]state.Event, len(history))
	for i, d := range history {
		events[i] = state.Event{ID: d.Events[0].ID, TS: d.Events[0].TS, Payload: payloadOf(d)}
	}
	return state.NewView(events, p.ignore, time.Now())
}

func payloadOf(d plan.Delivery) map[string]any {
	var envelope struct {
		Payload map[string]any `json:"payload"`
	}
	_ = json.Unmarshal(d.Body, &envelope) // relayctl wrote it
	return envelope.Payload
}

// tell delivers the subject's events in that order, one after the other, and
// says why one was not accepted. An index may stand there several times.
func (c *caller) tell(ctx context.Context, s *subject, order []int) string {
	for _, i := range order {
		if why := c.accepted(ctx, s.events[i]); why != "" {
			return why
		}
	}
	return ""
}

// inOrder is the order of the story.
func (s *subject) inOrder() []int {
	order := make([]int, len(s.events))
	for i := range order {
		order[i] = i
	}
	return order
}
