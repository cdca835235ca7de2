package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// variation is an event, or a few, unusual in one way. It has to be accepted, and
// with a probe it must have the effect of the usual one: what is told of one
// customer by unusual events is compared with what is told of another by usual
// ones. Every check of what is accepted is made of variations.
type variation struct {
	name    string
	usual   []plan.Step                 // what happens, after the variation's opening
	unusual []plan.Step                 // the same, told in an unusual way; nil for usual
	ccid    string                      // of an unusual customer, else ""
	ago     time.Duration               // how long before usual events it all happened
	rewrite func(body []byte) []byte    // of the unusual events, nil for none
	call    func(k wire.Call) wire.Call // changes the calls of the unusual events, nil for none
	free    []string                    // properties of the payload that the receiver may show in another way
	opening []plan.Step                 // what happened before, nil for the usual beginning
	text    string                      // that stands in the event and may be shown cut, but not spoilt; "" for none
	odd     bool                        // a probe may not be able to ask for its customer
	follows bool                        // another customer's event of the kind comes right before, with texts in its properties
}

// beginning is what happens to the customer of a variation first.
func beginning() []plan.Step {
	return []plan.Step{
		step(0, "notification_channel.add", 1, 1), consent(2, 1, "written"), step(4, "message.delivered", 1, 1), step(6, "notification.attempted", 1, 1),
	}
}

// unusual makes the variation of one event that is unusual in its properties.
func unusual(name string, usual plan.Step, set ...event.Override) variation {
	other := usual
	other.Set = append(slices.Clone(usual.Set), set...)
	return variation{name: name, usual: []plan.Step{usual}, unusual: []plan.Step{other}}
}

// freely lets those properties of the payload be shown in another way.
func (v variation) freely(properties ...string) variation {
	v.free = properties
	return v
}

// rewritten makes the variation of a usual event whose body is written in another way.
func rewritten(name string, usual plan.Step, rewrite func(body []byte) []byte) variation {
	return variation{name: name, usual: []plan.Step{usual}, rewrite: rewrite}
}

// telling is a variation as a customer was told it.
type telling struct {
	variation
	subject *subject
	sub     Sub
}

// subjectOf makes a fresh customer of a variation with its events, the unusual
// ones or the usual ones.
func (t *Trial) subjectOf(v variation, unusual bool) *subject {
	steps, n := v.usual, t.customers.Add(1)
	// Apart from other customers' times, and from the rest of the run.
	start := t.Start.Add(-headstart - 40*time.Second - time.Duration(n/480)*time.Second).Truncate(time.Second).Add(time.Duration(1+n%480) * time.Millisecond)
	var id plan.Identity
	if unusual {
		start, id.CCID = start.Add(-v.ago), v.ccid
		if v.unusual != nil {
			steps = v.unusual
		}
	}
	first := len(v.before())
	s := &subject{story: story{v.name, append(v.before(), steps...)}}
	s.events = t.history(t.personaAs(n, id, start), s.story.steps)
	// Roles are given by what the events say, however they are written.
	if t.Probe != nil {
		s.view = t.Probe.view(s.events).Lenient(v.freeTexts(s.events))
		s.reads = t.Probe.readings(s.events)
	}
	for i := first; unusual && v.rewrite != nil && i < len(s.events); i++ {
		s.events[i].Body = v.rewrite(s.events[i].Body)
	}
	return s
}

// history writes steps as events of a customer.
func (t *Trial) history(p *plan.Persona, steps []plan.Step) []plan.Delivery {
	var events []plan.Delivery
	for _, st := range steps {
		st.Set = append(append(marked(st.Event), t.plainest(p, st)...), st.Set...)
		events = append(events, write(p, st))
	}
	return events
}

// freeTexts are the texts of a history that may be shown in another way after
// unusual events.
func (v *variation) freeTexts(history []plan.Delivery) []string {
	var free []string
	for _, d := range history {
		payload := payloadOf(d)
		for _, name := range v.free {
			if text, ok := payload[name].(string); ok {
				free = append(free, text)
			}
		}
	}
	for i, st := range v.unusual {
		if usual := v.usual[i].Event; usual != st.Event {
			_, a, _ := strings.Cut(usual, ".")
			_, b, _ := strings.Cut(st.Event, ".")
			free = append(free, usual, st.Event, a, b)
		}
	}
	return free
}

// marked gives the texts of an event that a receiver may show in its own way.
func marked(name string) []event.Override {
	out := uniform(name)
	if len(out) > 0 {
		out = append(out, set("payload.message_name", state.Marker))
	}
	if name == "message.action_taken" {
		out = append(out, set("payload.action_label", state.Marker), set("payload.action_value", state.Marker))
	}
	return out
}

func (v *variation) before() []plan.Step {
	if v.opening != nil {
		return slices.Clone(v.opening)
	}
	return beginning()
}

// variations tells each of the variations to a customer of its own and judges the
// answers, and with a probe the effects.
func (t *Trial) variations(ctx context.Context, list []variation) []Sub {
	all := make([]*telling, len(list))
	inParallel(len(list), func(i int) { all[i] = t.try(ctx, list[i]) })
	if t.Probe != nil && t.checkProbe(ctx).blocked == "" {
		t.judgeEffects(ctx, all)
	}
	subs := make([]Sub, len(all))
	for i, a := range all {
		subs[i] = a.sub
	}
	return subs
}

// try tells a fresh customer of a variation.
func (t *Trial) try(ctx context.Context, v variation) *telling {
	a := &telling{variation: v, subject: t.subjectOf(v, true)}
	first := len(v.before())
	for i, d := range a.subject.events {
		if i < first && v.ccid == "" && v.ago == 0 {
			// What comes of usual events is not judged here, for a receiver must not
			// need them (R-FILTER).
			t.Deliver(ctx, d)
			continue
		}
		if v.follows && i >= first {
			t.tellOther(ctx, a.subject.story.steps[i].Event)
		}
		k := wire.Call{Body: d.Body}
		if v.call != nil && i >= first {
			k = v.call(k)
		}
		if a.sub = t.takeCall(ctx, v.name, a.subject.story.steps[i].Event, k); a.sub.Verdict != Pass {
			break
		}
	}
	return a
}

// effect is what usual events do to the state.
type effect struct {
	before, after *state.State
	unclear       string
}

// effectOf finds out what the variation's usual events do, once for all variations
// of the check that have the same ones.
func (t *Trial) effectOf(ctx context.Context, v variation) *effect {
	key := fmt.Sprintf("%v %v %v", v.before(), v.usual, v.free)
	known, _ := t.effects.LoadOrStore(key, new(once[*effect]))
	return known.(*once[*effect]).get(ctx, func(ctx context.Context) *effect {
		begun, whole := t.subjectOf(v, false), t.subjectOf(v, false)
		// The customer with the effect comes first: where a queue stalls, only the one
		// that was told last may still lack something, and there it does no harm. So
		// nothing is read before that one shows anything.
		why := t.tell(ctx, whole, whole.inOrder())
		if why == "" {
			why = t.tell(ctx, begun, begun.inOrder()[:len(v.before())])
		}
		if why != "" {
			return &effect{unclear: why}
		}
		subjects := []*subject{begun, whole}
		states, why := t.states.together(ctx, subjects, func(s []*state.State) bool {
			return !state.Same(s[0], s[1]) && (len(v.before()) == 0 || !t.states.showsNothing(s[0]))
		}, t.states.short())
		if why != "" {
			return &effect{unclear: why}
		}
		if why := t.isNothing(ctx, states[1]); why != "" {
			return &effect{unclear: why}
		}
		return &effect{before: states[0], after: states[1]}
	})
}

// judgeEffects fails those that were accepted and did not have the effect of
// the usual events. What fails among others has to fail alone as well, while
// usual events have their effect.
func (t *Trial) judgeEffects(ctx context.Context, all []*telling) {
	accepted := slices.DeleteFunc(slices.Clone(all), func(a *telling) bool { return a.sub.Verdict != Pass })
	left := t.withoutEffect(ctx, accepted)
	if len(left) == 0 {
		return
	}
	var again []*telling
	for _, l := range left {
		control := l.variation
		control.unusual, control.ccid, control.ago, control.rewrite, control.call = nil, "", 0, nil, nil
		for _, v := range []variation{l.lacking.variation, control} {
			again = append(again, t.try(ctx, v))
		}
	}
	wrong := map[*telling]lackingEffect{}
	for _, l := range t.withoutEffect(ctx, again) {
		wrong[l.lacking] = l
	}
	for i, l := range left {
		unusual, control := wrong[again[2*i]], wrong[again[2*i+1]]
		switch sub := &l.lacking.sub; {
		case unusual.why == "":
			// It was the others, or the time: concurrent.events looks for that.
		case unusual.unclear && l.odd && control.why == "":
			sub.Verdict, sub.Actual = Skip, unusual.why
		case unusual.unclear || control.why != "":
			sub.Verdict, sub.Actual = Inconclusive, "its effect is not clear: "+unusual.why
		default:
			sub.Verdict, sub.Actual = Fail, "accepted and ignored: "+unusual.why
			sub.Repeat = repeatSubject(again[2*i].subject)
		}
	}
}

// longestFile bounds what the name of a saved file says of its events.
const longestFile = 24

// repeatSubject is the repeat of a subject's events, by their very bytes.
func repeatSubject(s *subject) *Repeat {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(s.story.name))
	name = name[:min(len(name), longestFile)] // the command with it has to fit a terminal
	return &Repeat{Sequence: &Sequence{Name: "ignored-" + strings.Trim(name, "-"), Data: linesOf(s.events)}}
}

// lackingEffect is a variation whose state is not as after the usual events.
type lackingEffect struct {
	variation
	lacking *telling
	why     string
	unclear bool // it could not be read
}

// withoutEffect waits until the states are as after the usual events, and
// returns those that are not when no more of them become so.
func (t *Trial) withoutEffect(ctx context.Context, all []*telling) []lackingEffect {
	var left []lackingEffect
	for _, a := range all {
		if a.sub.Verdict == Pass {
			left = append(left, lackingEffect{variation: a.variation, lacking: a})
		}
	}
	inParallel(len(left), func(i int) { t.effectOf(ctx, left[i].variation) })
	for changed := time.Now(); ; {
		inParallel(len(left), func(i int) { left[i].why, left[i].unclear = t.lacksEffect(ctx, left[i].lacking) })
		before := len(left)
		left = slices.DeleteFunc(left, func(l lackingEffect) bool { return l.why == "" })
		if len(left) < before {
			changed = time.Now()
		}
		if len(left) == 0 || time.Since(changed) >= t.states.patience() || !wait(ctx, longestPause) {
			return left
		}
	}
}

// lacksEffect says where a state is not as after the usual events, "" when it
// is, or when the usual events do not show.
func (t *Trial) lacksEffect(ctx context.Context, a *telling) (why string, unclear bool) {
	e := t.effectOf(ctx, a.variation)
	if e.unclear != "" {
		return e.unclear, true
	}
	n, err := t.states.look(ctx, a.subject)
	if err != nil {
		return err.Error(), true
	}
	why = state.Lacks(e.before, e.after, t.states.plain(n))
	if why == "" && (a.text != "" || a.follows) {
		why = t.spoilt(ctx, a)
	}
	return why, false
}

// ofOther begins the texts of another customer's event.
const ofOther = "Someone-else's-"

// tellOther tells of another customer an event of that name whose texts must not
// show in the event that follows it.
func (t *Trial) tellOther(ctx context.Context, name string) {
	st := step(30, name, 1, 1)
	for _, p := range optional(name) {
		switch p {
		case "message_name", "client_message_tag", "action_label", "action_value":
			st.Set = append(st.Set, set("payload."+p, ofOther+p))
		}
	}
	t.Deliver(ctx, t.writePlain(t.Customer(), st))
}

// spoilt says how a text is shown that was read in another encoding than UTF-8, or
// kept in one that lacks its letters, or that is another customer's.
func (t *Trial) spoilt(ctx context.Context, a *telling) string {
	shown := ""
	for _, ids := range a.subject.reads {
		body, err := t.states.read(ctx, ids)
		if err != nil {
			return ""
		}
		shown += state.Plain(body) + "\n"
	}
	switch _, other, leaks := strings.Cut(shown, ofOther); {
	case a.follows && leaks:
		property, _, _ := strings.Cut(other, " ")
		return fmt.Sprintf("it shows %q, which was told of another customer", ofOther+strings.TrimRight(property, "]}"))
	case a.text == "" || strings.Contains(shown, a.text):
		return ""
	}
	for _, form := range state.Spoilt(a.text) {
		if strings.Contains(shown, form) {
			return fmt.Sprintf("%q is kept as %q", a.text, form)
		}
	}
	return ""
}

// inParallel calls do for 0 to n-1, several at once.
func inParallel(n int, do func(i int)) {
	var all sync.WaitGroup
	next := make(chan int)
	for range min(n, readers) {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}
