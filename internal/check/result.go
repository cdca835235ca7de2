package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"relayctl/internal/sim/wire"
)

// Result is what came of a check. Expected and Actual are for people: one
// sentence each, without a full stop.
type Result struct {
	Verdict  Verdict
	Reason   string  // of skip, blocked, inconclusive and warn: why; of pass, where there is one: how far it reaches
	Level    Level   // of fail: that of the check, "" unless this failure weighs less
	Expected string  // all acceptable results
	Actual   string  // what was seen
	Fix      string  // overrides the check's Fix where this failure needs another
	Missing  Need    // of skip: what the run does not have, "" where it is another reason
	Repeat   *Repeat // what shows it again, nil where nothing does
	Subs     []Sub   // sub-results of a check that tries several things
	Duration time.Duration
	OfCopies bool // of fail: some events of the order that shows it came twice
	Cut      bool // the time of the run was over before it was done
}

// Sub is the part of a result that concerns one of several things tried.
type Sub struct {
	Name    string // "message.delivered"
	Verdict Verdict
	Actual  string
	Repeat  *Repeat
}

// Passed is the result of a check that holds.
func Passed() Result { return Result{Verdict: Pass} }

// Failed is the result of a check that does not hold.
func Failed(expected, actual string, repeat *Repeat) Result {
	return Result{Verdict: Fail, Expected: expected, Actual: actual, Repeat: repeat}
}

// Warned is the result of a check that holds, but not as well as it should.
func Warned(expected, actual string, repeat *Repeat) Result {
	return Result{Verdict: Warn, Reason: actual, Expected: expected, Actual: actual, Repeat: repeat}
}

// Skipped is the result of a check that has nothing to say here.
func Skipped(reason string) Result { return Result{Verdict: Skip, Reason: reason} }

// Lacking is the result of a check that needs what the run does not have.
func Lacking(n Need) Result { return Result{Verdict: Skip, Missing: n} }

// BlockedBy is the result of a check whose control failed.
func BlockedBy(reason string) Result { return Result{Verdict: Blocked, Reason: reason} }

// Unclear is the result of a check that something got in the way of.
func Unclear(reason string) Result { return Result{Verdict: Inconclusive, Reason: reason} }

// brokenOff says whether a failure rests on a call that the end of the check's time
// broke off: an event that was not accepted for that is not the receiver's fault.
func (r Result) brokenOff() bool {
	return r.Verdict == Fail && strings.Contains(r.Actual, wire.ErrEnded.Error())
}

// sum makes a check's result of the things that it tried.
func sum(expected string, subs []Sub) Result {
	r := Result{Verdict: Pass, Subs: subs}
	for _, v := range []Verdict{Fail, Warn, Blocked, Inconclusive} {
		said, repeat := gather(subs, v)
		if said == "" {
			continue
		}
		r.Verdict, r.Repeat = v, repeat
		switch v {
		case Fail:
			r.Expected, r.Actual = expected, said
		case Warn:
			r.Expected, r.Actual, r.Reason = expected, said, said
		default:
			r.Reason = said
		}
		return r
	}
	if !slices.ContainsFunc(subs, func(s Sub) bool { return s.Verdict == Pass }) {
		r.Verdict = Skip
		r.Reason, _ = gather(subs, Skip)
	}
	return r
}

// tryAll runs try for all cases at the same time. The result is unclear where try
// gives a reason why one of them is, else that of the first case that failed.
func tryAll[C any](cases []C, expected string, try func(C) (sub Sub, unclear string)) Result {
	subs := make([]Sub, len(cases))
	unclear := make([]string, len(cases))
	var tries sync.WaitGroup
	for i, c := range cases {
		tries.Go(func() { subs[i], unclear[i] = try(c) })
	}
	tries.Wait()
	if why := cmp.Or(unclear...); why != "" {
		return Unclear(why)
	}
	r := Result{Verdict: Pass}
	if i := slices.IndexFunc(subs, func(s Sub) bool { return s.Verdict == Fail }); i >= 0 {
		r = Failed(expected, subs[i].Name+": "+subs[i].Actual, subs[i].Repeat)
	}
	r.Subs = subs
	return r
}

// gather words what was seen in the subs of a verdict, those that saw the same
// together, and returns the first one's command.
func gather(subs []Sub, v Verdict) (said string, repeat *Repeat) {
	var order []string
	names := map[string][]string{}
	for _, s := range subs {
		if s.Verdict != v {
			continue
		}
		if repeat == nil {
			repeat = s.Repeat
		}
		if names[s.Actual] == nil {
			order = append(order, s.Actual)
		}
		names[s.Actual] = append(names[s.Actual], s.Name)
	}
	for i, actual := range order {
		who := names[actual]
		switch n := len(who); {
		case n == len(subs): // it needs no names
		case n > 5:
			order[i] = fmt.Sprintf("%s and %d others: %s", strings.Join(who[:3], ", "), n-3, actual)
		default:
			order[i] = strings.Join(who, ", ") + ": " + actual
		}
	}
	return strings.Join(order, "; "), repeat
}
