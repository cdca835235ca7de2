package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

// isolationChecks is the group "isolation".
func isolationChecks() []Check {
	return []Check{{
		ID: "isolation.customers", Level: Must, Clause: "R-TOLERANT",
		Title: "one customer's events do not show in another customer's state",
		Why:   "a ccid is the client's own id, a text of up to 255 characters: a receiver that reads it as a number, cuts it, folds its letters, leaves out its signs or searches for its beginning mixes two customers' data; and a number can belong to several customers",
		How:   "tells different things of two customers at a time who are easily taken for one: they share a number or a trigger, or their ccids differ by a zero, the case of a letter, an accent, a sign, a suffix, a prefix, one character, or the last of many; compares each with a customer to whom the same happened alone",
		Fix:   "keep the ccid as text, whole and as it came, compare it exactly (a binary collation, = and not LIKE, no slug of it), and let it be part of the key of everything that is kept of a customer, numbers and consent too",
		Needs: []Need{NeedProbe}, Limit: time.Minute, Run: probed(isolated),
	}, isolationNumbers(), isolationReceipts()}
}

// twins are two customers who are easily taken for one.
type twins struct {
	what string
	a, b plan.Identity
	odd  bool // their ids have signs in them that a probe may not be able to ask for
}

// allTwins makes them. Their ccids are fresh in every run.
func allTwins(t *Trial) []twins {
	n := t.customers.Add(1)
	own := fmt.Sprintf("check-%s-%d", t.RunID, n)
	digits := strconv.FormatUint(1_000_000_000_000+hash(own)%8_000_000_000_000, 10) + "5"
	filled := func(length int) string { return own + "-" + strings.Repeat("x", max(1, length-len(own)-2)) }
	ccids := func(what, a, b string) twins {
		return twins{what: what, a: plan.Identity{CCID: a}, b: plan.Identity{CCID: b}}
	}
	number := "1000" + strconv.FormatUint(1_000_000+hash(own+"number")%4_000_000, 10)
	trigger := plan.Identity{TriggerID: "Delivery-Reminder-" + own}
	return []twins{
		{what: "two customers who share a number", a: plan.Identity{PhoneNumber: number}, b: plan.Identity{PhoneNumber: number}},
		{what: "two customers of one trigger, whose name the company made", a: trigger, b: trigger},
		ccids("ccids that differ by a leading zero", digits, "0"+digits),
		ccids("ccids that differ by a zero at the end", digits+"1", digits+"10"),
		ccids("ccids of 18 digits that differ in the last one", digits+"1117", digits+"1118"),
		ccids("ccids that differ in the case of a letter", "Case-"+own, "case-"+own),
		{"ccids that differ by an accent", plan.Identity{CCID: own + "-José"}, plan.Identity{CCID: own + "-Jose"}, true},
		{"ccids that differ in a sign that means something to files and URLs", plan.Identity{CCID: own + "/1&x"}, plan.Identity{CCID: own + "_1_x"}, true},
		ccids("ccids that differ by a suffix", own, own+"-2"),
		ccids("ccids that differ by what follows the last dash", own+"-south-1", own+"-south-2"),
		{"ccids that differ by what follows a colon", plan.Identity{CCID: own + ":1"}, plan.Identity{CCID: own + ":2"}, true},
		ccids("ccids that differ by a prefix", "x"+own, own+"x"),
		ccids("ccids that differ by a prefix alone", "north-"+own+"-p", own+"-p"),
		ccids("ccids with an underscore in the place of a letter", own+"_w", own+"aw"),
		ccids("ccids that differ in a sign", own+".n", own+"-n"),
		ccids("ccids that differ by a sign in the middle", own+"-o", own+"o"),
		{"e-mail addresses that differ after the plus sign", plan.Identity{CCID: own + "+a@example.com"}, plan.Identity{CCID: own + "+b@example.com"}, true},
		{"e-mail addresses that differ after the at sign", plan.Identity{CCID: own + "@a.example"}, plan.Identity{CCID: own + "@b.example"}, true},
		ccids("ccids of 40 characters that differ in the last one", filled(40)+"1", filled(40)+"2"),
		ccids("ccids of 100 characters that differ in the last one", filled(100)+"1", filled(100)+"2"),
		ccids("ccids of 255 characters that differ in the last one", filled(255)+"1", filled(255)+"2"),
	}
}

// visit is short, and ends differently from errand in everything.
func visit() story {
	return story{"visit", []plan.Step{
		step(0, "notification_channel.add", 1, 1), consent(2, 1, "written"), step(4, "message.delivered", 1, 1),
		step(6, "notification.attempted", 1, 1), step(8, "notification.undelivered", 1, 1), consent(16, 1, "express"),
		step(18, "notification.auth_link_clicked", 1, 1), step(20, "notification.auth_link_clicked", 1, 1),
		step(22, "message.action_taken", 1, 1), step(24, "message.action_taken", 1, 1),
	}}
}

// pairsAtOnce is how many pairs are told of at a time: what many calls at once do
// is for the group "concurrent".
const pairsAtOnce = 4

func isolated(ctx context.Context, t *Trial) Result {
	all := allTwins(t)
	subs := make([]Sub, len(all))
	var tries sync.WaitGroup
	free := make(chan struct{}, pairsAtOnce)
	for i, p := range all {
		free <- struct{}{}
		tries.Go(func() {
			subs[i] = tryApart(ctx, t, p)
			<-free
		})
	}
	tries.Wait()
	return sum("each customer's state is what that customer's own events make it", subs)
}

// tryApart tells one thing of one customer and another of the other, in turns.
func tryApart(ctx context.Context, t *Trial, p twins) Sub {
	sub := Sub{Name: p.what, Verdict: Pass}
	a, b := t.subjectAs(errand(), p.a), t.subjectAs(visit(), p.b)
	for i := range max(len(a.events), len(b.events)) {
		for _, s := range []*subject{a, b} {
			if i >= len(s.events) {
				continue
			}
			if why := t.accepted(ctx, s.events[i]); why != "" {
				return Sub{Name: p.what, Verdict: Skip, Actual: why} // event.id-forms says so
			}
		}
	}
	for i, s := range []*subject{a, b} {
		f := t.ends(ctx, s, false)
		if f.wrong != "" {
			f = t.worksAlone(ctx, s, []plan.Identity{p.a, p.b}[i], f)
		}
		switch {
		case f.unclear != "" && p.odd:
			return Sub{Name: p.what, Verdict: Skip, Actual: f.unclear}
		case f.unclear != "":
			sub.Verdict, sub.Actual = Inconclusive, f.unclear
		case f.wrong != "":
			return Sub{p.what, Fail, f.wrong, itself()}
		}
	}
	return sub
}

// worksAlone makes sure that a wrong state takes both customers: a ccid that the
// receiver cannot keep as it is, and shows cut or not at all, is for event.id-forms.
func (t *Trial) worksAlone(ctx context.Context, s *subject, id plan.Identity, f finding) finding {
	alone := make([]*subject, clean)
	for i := range alone {
		one := id
		mark := strconv.FormatUint(t.customers.Add(1), 10)
		if one.PhoneNumber = ""; one.CCID != "" {
			one.CCID = another(id.CCID, mark)
		}
		if one.TriggerID != "" {
			one.TriggerID = another(id.TriggerID, mark)
		}
		alone[i] = t.subjectAs(s.story, one)
		if t.tell(ctx, alone[i], alone[i].inOrder()) != "" {
			return finding{}
		}
	}
	control := t.ends(ctx, alone[0], false)
	switch {
	case control.unclear != "":
		return control
	case control.wrong == "":
		return f
	}
	// Customers of that form end in a state of their own: it has to be that one.
	alike := func(states []*state.State) bool {
		varying := state.Volatile(states[:len(alone)], len(s.events))
		for _, other := range states[1:] {
			if !state.Same(states[0].Without(varying), other.Without(varying)) {
				return false
			}
		}
		return true
	}
	states, why := t.states.together(ctx, append(alone, s), alike, t.states.patience())
	switch {
	case why != "":
		return finding{unclear: why}
	case alike(states), !alike(states[:len(alone)]):
		return finding{}
	}
	return f
}

// another is a ccid of the same form and length that no one has: the digits, or
// the letters, of the mark stand in its middle.
func another(ccid, mark string) string {
	if len(ccid) < 2*len(mark)+4 {
		return mark + ccid
	}
	at := 2
	return ccid[:at] + mark + ccid[at+len(mark):]
}
