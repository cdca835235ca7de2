package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
)

// absence is a way in which a property is absent.
type absence struct {
	name   string
	change func(path string) event.Override
}

// absences are all of them.
func absences() []absence {
	return []absence{
		{"null", func(p string) event.Override { return set(p, nil) }},
		{"empty", func(p string) event.Override { return set(p, "") }},
		{"missing", unset},
	}
}

// silentEvents sends events that leave out a property which an earlier event told, and
// judges what becomes of the earlier value. Without a probe it judges the answers alone.
func (t *Trial) silentEvents(ctx context.Context) []Sub {
	shown := t.Probe != nil && t.checkProbe(ctx).blocked == ""
	subs := t.silentConsent(ctx, shown)
	if shown {
		subs = append(subs, t.silentTexts(ctx)...)
	}
	return subs
}

// silentConsent tells customers who opted out of a consent that is not named. An opt-in
// is only what says so: the state must not be the one after an opt-in. Where the state
// does not show an opt-in by more than counts, nothing can be said.
func (t *Trial) silentConsent(ctx context.Context, shown bool) []Sub {
	last := []plan.Step{consent(8, 1, "stop"), consent(8, 1, "express"), consent(8, 1, "written")}
	named := len(last)
	for _, a := range absences() {
		st := consent(8, 1, "stop")
		st.Set = append(st.Set, a.change("payload.current_consent"))
		last = append(last, st)
	}
	opening := []plan.Step{step(0, "notification_channel.add", 1, 1), consent(2, 1, "stop")}
	subjects, refusals := []*subject{t.subject(story{"", append(slices.Clone(opening), last[0])})}, make([]Sub, len(last))
	if why := t.tell(ctx, subjects[0], []int{0, 1}); why != "" {
		return nil // event.accept reports it
	}
	for i, st := range last {
		s := t.subject(story{"silent consent", append(slices.Clone(opening), st)})
		subjects = append(subjects, s)
		if why := t.tell(ctx, s, []int{0, 1}); why != "" {
			return nil
		}
		refusals[i] = t.takeEvent(ctx, st.Event, s.events[2])
		if i >= named {
			refusals[i].Name += " with current_consent " + absences()[i-named].name
		}
	}
	subs := refusals[named:]
	if !shown || slices.ContainsFunc(refusals, func(s Sub) bool { return s.Verdict != Pass }) {
		return subs
	}
	liftedBy := func(states []*state.State, absent int) bool {
		before, stop := states[0], states[1]
		return slices.ContainsFunc(states[2:1+named], func(told *state.State) bool {
			return state.Tells(before, told) && !state.Stays(before, told, stop) && state.Stays(before, told, states[1+named+absent])
		})
	}
	lifted := func(states []*state.State) bool {
		wrong := false
		for i := range subs {
			subs[i].Verdict, subs[i].Actual, subs[i].Repeat = Pass, "", nil
			if liftedBy(states, i) {
				wrong = true
				subs[i] = Sub{subs[i].Name, Fail, "accepted, and it lifts the opt-out before it", repeatSubject(subjects[1+named+i])}
			}
		}
		return wrong
	}
	differ := func(states []*state.State) bool { return !state.Same(states[0], states[2]) && !lifted(states) }
	if why := t.twice(ctx, subjects, differ, lifted); why != "" {
		return []Sub{{Name: "a consent that is not told", Verdict: Inconclusive, Actual: why}}
	}
	return subs
}

// toldBefore begins the texts that an earlier event told.
const toldBefore = "Told-before-"

// silentTexts tells of a message and an action with texts, and then of an action without,
// in each way of being absent: whether the state shows the earlier texts then is the
// receiver's choice, but the same choice for each of them.
func (t *Trial) silentTexts(ctx context.Context) []Sub {
	texts := []string{"client_message_tag", "message_name", "action_label", "action_value"}
	told, first := message(2), step(33, "message.action_taken", 1, 2)
	for _, p := range texts {
		told.Set, first.Set = append(told.Set, set("payload."+p, toldBefore+p)), append(first.Set, set("payload."+p, toldBefore+p))
	}
	told.Set = told.Set[:2] // a message has no action
	all := absences()
	subjects := make([]*subject, len(all))
	for i, a := range all {
		last := step(36, "message.action_taken", 1, 2)
		for _, p := range texts {
			last.Set = append(last.Set, a.change("payload."+p))
		}
		subjects[i] = t.subject(story{"silent texts", []plan.Step{step(0, "notification_channel.add", 1, 2), told, first, last}})
		if why := t.tell(ctx, subjects[i], subjects[i].inOrder()); why != "" {
			return nil // the variations report it
		}
	}
	for _, s := range subjects {
		t.states.settled(ctx, s) // where it does not stand still, the counts may
	}
	name := "texts that an earlier event told"
	var shown [][]int
	for end := time.Now().Add(t.states.patience()); ; {
		shown = nil
		for _, s := range subjects {
			counts, err := t.countTexts(ctx, s, texts)
			if err != nil {
				return []Sub{{Name: name, Verdict: Inconclusive, Actual: err.Error()}}
			}
			shown = append(shown, counts)
		}
		if slices.Equal(shown[0], shown[1]) && slices.Equal(shown[0], shown[2]) {
			return []Sub{{Name: name, Verdict: Pass}}
		}
		if time.Now().After(end) || !wait(ctx, longestPause) {
			break
		}
	}
	for p, text := range texts {
		for i := range all {
			if have, other := shown[i][p], shown[(i+1)%len(all)][p]; have != other {
				return []Sub{{name, Fail, fmt.Sprintf("the %s that an earlier event told is shown %d times after an event in which it is %s, and %d times after one in which it is %s",
					text, have, all[i].name, other, all[(i+1)%len(all)].name), repeatSubject(subjects[i])}}
			}
		}
	}
	return nil // cannot happen: they are not equal
}

// countTexts counts how often each of the texts is shown that were told before.
func (t *Trial) countTexts(ctx context.Context, s *subject, texts []string) ([]int, error) {
	counts := make([]int, len(texts))
	for _, ids := range s.reads {
		body, err := t.states.read(ctx, ids)
		if err != nil {
			return nil, err
		}
		shown := state.Plain(body)
		for i, p := range texts {
			counts[i] += strings.Count(shown, toldBefore+p)
		}
	}
	return counts, nil
}
