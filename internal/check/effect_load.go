package check

import (
	"context"
	"fmt"
	"slices"

	"relayctl/internal/sim"
)

// burstKept bounds how many of a burst's customers are looked at afterwards. A
// customer has several events, so that a loss of one event in a hundred shows in
// one of a dozen of them: it is all but impossible that so many miss it.
const burstKept = 400

// errand is what happens to a customer of the burst: short, so that there are
// many customers, and rich enough for any event to show that is lost.
func errand() story {
	return story{"errand", []sim.Step{
		step(0, "notification_channel.add", 1, 1), consent(2, 1, "express"), step(4, "message.delivered", 1, 1),
		step(6, "notification.attempted", 1, 1), step(8, "notification.delivered", 1, 1), step(10, "notification.auth_link_clicked", 1, 1),
		step(12, "message.action_taken", 1, 1), consent(14, 1, "stop"),
	}}
}

// burstPlan makes n deliveries to many customers, each of whom gets a whole
// errand in its order, and returns those whose states are looked at later.
func (t *Trial) burstPlan(n int) (sim.Plan, *[]*subject) {
	s := errand()
	customers := (n + len(s.steps) - 1) / len(s.steps)
	// So many errands are open at a time that a customer's events are apart: a
	// slow answer must not hold back the next one.
	side := 2 * mostWorkers
	if t.Probe != nil {
		side = min(side, customers) // whole errands are what can be compared
	}
	every := max(1, (customers+burstKept-1)/burstKept)
	kept := new([]*subject)
	return func(yield func(sim.Delivery, error) bool) {
		for sent, made := 0, 0; sent < n; {
			var open [][]sim.Delivery
			for ; len(open) < side; made++ {
				if t.Probe == nil || made%every != 0 || len(*kept) == burstKept {
					open = append(open, t.written(s))
					continue
				}
				c := t.subject(s)
				open = append(open, c.events)
				*kept = append(*kept, c)
			}
			for step := range s.steps {
				for _, events := range open {
					d := events[step]
					d.Seq = sent
					if sent++; !yield(d, nil) || sent == n {
						return
					}
				}
			}
		}
	}, kept
}

// loadEffects are the checks of what load does to the state.
func loadEffects() []Check {
	return []Check{{
		ID: "load.no-loss", Level: Must, Clause: "R-SCALE",
		Title: "every acknowledged event of the burst is in the state",
		Why:   "queues that overflow and writes that fail under load lose events whose sender was told that all is well",
		How:   "compares the states of the burst's customers, as far as all of their events were answered 200, with that of a customer whose events came at leisure",
		Fix:   "answer 200 only for what is stored; answer 500 to what you have no room for, and Relay brings it again",
		Needs: []Need{NeedProbe}, Tags: []string{"slow"}, Alone: true, Limit: longestBurst, Run: probed(noLoss),
	}}
}

func noLoss(ctx context.Context, t *Trial) Result {
	b := t.runBurst(ctx)
	if b.Err != nil {
		return Unclear(b.Err.Error())
	}
	acknowledged := map[string]bool{}
	for _, e := range b.Accepted {
		acknowledged[e.ID] = true
	}
	var whole []*subject
	for _, c := range b.Kept {
		if !slices.ContainsFunc(c.events, func(d sim.Delivery) bool { return !acknowledged[d.Events[0].ID] }) {
			whole = append(whole, c)
		}
	}
	lost, unclear := t.lost(ctx, whole)
	switch {
	case unclear != "":
		return Unclear(unclear)
	case len(lost) > 0:
		return Failed(sameState, fmt.Sprintf("for %d of %d customers: %s", len(lost), len(whole), lost[0].wrong), t.burstCommand(b.Workers))
	}
	return Passed()
}
