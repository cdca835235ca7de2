package check

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

func orderFine() Check {
	return Check{
		ID: "order.fine", Level: Must, Clause: "R-TS",
		Title: "the newer of two events stands, however close or far they are and whatever the hour",
		Why:   "event_ts is accurate to the millisecond: a receiver that keeps it to the second, compares it as text or by the time of the day, or goes by its own clock lets the older of two states stand",
		How:   "sends two states of one thing within a second, ten milliseconds and one millisecond, in both orders of arrival, and the newer before the older across every hour of a day, midnight in several zones, a day of two digits, the end of a month and of a year, the ends of what 32 bits hold in milliseconds, and the last change of the clocks; two of them are forty days apart; compares the states with that of a customer whose two events were seconds apart and came in order",
		Fix:   "keep event_ts with its milliseconds, in UTC, as a time or a number of 64 bits and not as text, and compare whole values: a difference of milliseconds is too long for an int after 24 days",
		Needs: []Need{NeedProbe}, Run: probed(fine),
	}
}

// closeTime is when the newer of two events happens, and how long before it the older,
// which is a moment in most cases.
type closeTime struct {
	name      string
	at        time.Time // the newer one
	gap       time.Duration
	backwards bool // they come in the wrong order only: the right one would find nothing more
}

// closeTimes are times that a receiver confuses if it compares only a part of event_ts.
func closeTimes(now time.Time) (close, far []closeTime) {
	base := now.Add(-2 * time.Hour).Truncate(time.Minute)
	at := func(name string, second int, older, newer time.Duration) {
		close = append(close, closeTime{name, base.Add(time.Duration(second)*time.Second + newer*time.Millisecond), (newer - older) * time.Millisecond, false})
	}
	at("within 10 ms", 3, 121, 126)
	at("within a second", 3, 150, 850)
	at("one millisecond apart", 4, 453, 454)
	at("from 0 to 1 ms", 5, 0, 1)
	at("from 9 to 10 ms", 5, 9, 10)
	at("from 99 to 100 ms", 5, 99, 100)
	at("from 100 to 101 ms", 5, 100, 101)
	at("across a second", 9, 995, 1005)
	across := func(name string, t time.Time) {
		far = append(far, closeTime{name, t.Add(5 * time.Millisecond), 10 * time.Millisecond, true})
	}
	hour := now.Add(-time.Hour).Truncate(time.Hour)
	for h := range 24 {
		t := hour.Add(-time.Duration(h) * time.Hour)
		across(fmt.Sprintf("across %s UTC", t.Format("15:04")), t)
	}
	day := now.Add(-26 * time.Hour).Truncate(24 * time.Hour)
	across("across midnight in India", day.Add(18*time.Hour+30*time.Minute))
	across("across midnight in Nepal", day.Add(18*time.Hour+15*time.Minute))
	month := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	across("across the end of a month", month)
	tenth := month.AddDate(0, 0, 9)
	if tenth.After(day) {
		tenth = month.AddDate(0, -1, 9)
	}
	across("from the ninth to the tenth", tenth)
	across("across the end of a year", time.Date(day.Year(), 1, 1, 0, 0, 0, 0, time.UTC))
	const half = 1 << 31 // milliseconds: 24.9 days
	for n := range int64(2) {
		end := time.UnixMilli((day.UnixMilli()/half - n) * half)
		across("across the end of 32 bits of milliseconds, "+end.UTC().Format("2006-01-02 15:04"), end)
	}
	far = append(far, closeTime{"forty days apart", day, 40 * 24 * time.Hour, true})
	return close, far
}

// fineOverwrites are the overwrites whose two events are tried at such times.
func fineOverwrites() []overwrite {
	return append(overwrites(),
		overwrite{consent(30, 1, "stop"), consent(33, 1, "express")},
		overwrite{step(30, "notification.delivered", 1, 1), step(33, "notification.undelivered", 1, 1)},
	)
}

// closely is an overwrite at a closeTime, as a customer was told it.
type closely struct {
	overwrite
	closeTime
	reversed bool
	subject  *subject
}

func fine(ctx context.Context, t *Trial) Result {
	close, far := closeTimes(t.Start)
	var all []*closely
	wanted := map[string]*orders{}
	for i, o := range fineOverwrites() {
		wanted[o.key()] = &orders{overwrite: o}
		at := close
		if i > 0 {
			at = close[:2]
		} else {
			at = append(at, far...)
		}
		for _, m := range at {
			if !m.backwards {
				all = append(all, &closely{overwrite: o, closeTime: m})
			}
			all = append(all, &closely{overwrite: o, closeTime: m, reversed: true})
		}
	}
	if why := t.tellOrders(ctx, wanted); why != "" {
		return Unclear(why)
	}
	left, why := t.notAsWanted(ctx, all, wanted)
	if why == "" && len(left) > 0 {
		// What is wrong among others has to be wrong alone.
		left, why = t.notAsWanted(ctx, left, wanted)
	}
	switch {
	case why != "":
		return Unclear(why)
	case len(left) > 0:
		return t.tooCoarse(left, wanted)
	}
	if left := t.acrossClockChanges(ctx, wanted); len(left) > 0 {
		return t.tooCoarse(left, wanted)
	}
	for _, w := range wanted {
		if !state.Same(w.states[1], w.states[2]) {
			return Passed()
		}
	}
	return Unclear("the probe shows neither consents nor numbers nor receipts")
}

// tooCoarse words the failure: the first few of what was wrong.
func (t *Trial) tooCoarse(left []*closely, wanted map[string]*orders) Result {
	c := left[0]
	n, err := t.states.look(context.Background(), c.subject)
	if err != nil {
		return Unclear(err.Error())
	}
	how := "in order"
	if c.reversed {
		how = "the newer one first"
	}
	actual := fmt.Sprintf("%s and %s %s, %s: %s", c.older.Event, c.newer.Event, c.name, how,
		state.Differences(wanted[c.key()].states[0], t.states.plain(n).Timeless()))
	if len(left) > 1 {
		actual += fmt.Sprintf("; and in %d other cases", len(left)-1)
	}
	return Failed("the newer one by event_ts stands, to the millisecond", actual, repeatSubject(c.subject))
}

// key names an overwrite.
func (o overwrite) key() string {
	return o.older.Event + o.older.Consent + ">" + o.newer.Event + o.newer.Consent
}

// orders are the states of an overwrite whose events are seconds apart.
type orders struct {
	overwrite
	states []*state.State // both in order, the newer alone, the older alone; without times
}

// tellOrders finds out what overwrites come to whose events are seconds apart.
func (t *Trial) tellOrders(ctx context.Context, wanted map[string]*orders) (unclear string) {
	var list []*orders
	for _, w := range wanted {
		list = append(list, w)
	}
	return cmp.Or(thenAlone(len(list), func(i int) string { return t.tellOrder(ctx, list[i]) })...)
}

// thenAlone calls tell for 0 to n-1, several at once, and once more one by one for
// those of which something was refused: what is refused only in company is for
// concurrent.accepted.
func thenAlone(n int, tell func(i int) string) (whys []string) {
	whys = make([]string, n)
	inParallel(n, func(i int) { whys[i] = tell(i) })
	for i, why := range whys {
		if why != "" && !strings.Contains(why, "no answer") {
			whys[i] = tell(i)
		}
		if whys[i] != "" {
			break
		}
	}
	return whys
}

func (t *Trial) tellOrder(ctx context.Context, w *orders) string {
	w.states = nil
	var subjects []*subject
	start := t.Start.Add(-2 * time.Hour).Truncate(time.Minute)
	for _, skip := range []int{-1, 0, 1} {
		s := t.overwritten(w.overwrite, start, w.newer.At-w.older.At)
		n := len(s.events)
		for i, d := range s.events {
			if i == n-2+skip && skip >= 0 {
				continue
			}
			if why := t.accepted(ctx, d); why != "" {
				return why
			}
		}
		subjects = append(subjects, s)
	}
	states, why := t.states.together(ctx, subjects, func(s []*state.State) bool { return !state.Same(s[0], s[2]) && !state.Same(s[1], s[2]) }, t.states.patience())
	for _, n := range states {
		w.states = append(w.states, n.Timeless())
	}
	return why
}

// overwritten makes a customer to whom both happen, so far apart.
func (t *Trial) overwritten(o overwrite, older time.Time, gap time.Duration) *subject {
	o.older.At, o.newer.At = 30*time.Second, 30*time.Second+gap
	steps := []plan.Step{step(0, "notification_channel.add", 1, 1), consent(2, 1, "written"), step(4, "message.delivered", 1, 1), step(6, "message.delivered", 1, 2)}
	s := &subject{story: story{o.newer.Event, append(steps, o.older, o.newer)}}
	s.events = t.history(t.customerAt(older.Add(-o.older.At)), s.story.steps)
	s.view, s.reads = t.Probe.view(s.events), t.Probe.readings(s.events)
	return s
}

// notAsWanted tells fresh customers of each, and returns those whose states stay
// wrong.
func (t *Trial) notAsWanted(ctx context.Context, all []*closely, wanted map[string]*orders) (left []*closely, unclear string) {
	if why := cmp.Or(thenAlone(len(all), func(i int) string { return t.tellClosely(ctx, all[i]) })...); why != "" {
		return nil, why
	}
	left = all
	for changed := time.Now(); ; {
		wrong, errs := make([]bool, len(left)), make([]error, len(left))
		inParallel(len(left), func(i int) {
			n, err := t.states.look(ctx, left[i].subject)
			errs[i] = err
			wrong[i] = err != nil || !wanted[left[i].key()].allow(t.states.plain(n).Timeless(), left[i].reversed)
		})
		var still []*closely
		for i, c := range left {
			if errs[i] != nil {
				unclear = errs[i].Error()
			}
			if wrong[i] {
				still = append(still, c)
			}
		}
		if len(still) < len(left) {
			changed, unclear = time.Now(), ""
		}
		left = still
		if len(left) == 0 || time.Since(changed) >= t.states.patience() || !wait(ctx, longestPause) {
			return left, unclear
		}
	}
}

// allow says whether a state is right: a late event that is lost altogether is
// the business of order.converges.
func (w *orders) allow(n *state.State, reversed bool) bool {
	return state.Same(n, w.states[0]) || reversed && state.Same(n, w.states[1])
}

func (t *Trial) tellClosely(ctx context.Context, c *closely) string {
	c.subject = t.overwritten(c.overwrite, c.at.Add(-c.gap), c.gap)
	events := c.subject.events
	if n := len(events); c.reversed {
		events[n-2], events[n-1] = events[n-1], events[n-2]
	}
	return t.tell(ctx, c.subject, c.subject.inOrder())
}
