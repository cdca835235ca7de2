package recv

import (
	"hash/fnv"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"relayctl/internal/event"
)

// Answer is what an attempt gets.
type Answer struct {
	Status  int           // 200 means the ordinary handling
	Delay   time.Duration // before it
	Timeout bool          // no answer at all: the connection hangs
	Close   bool          // no answer at all: the connection is cut
}

// Rule gives the answers to the attempts of the events that it takes.
type Rule struct {
	Events  event.Filter // the zero value takes all
	Answers []Answer     // of attempt 1, 2, …; the last one stands for all that follow
	Chance  float64      // the share of attempts that the rule takes, 1 for all
	Window  Window
}

// Always says whether the rule takes every attempt of every event, so that no rule
// after it ever decides.
func (r *Rule) Always() bool {
	return r.Events.String() == "*" && r.Chance == 1 && r.Window == Window{}
}

// Window is when a rule is in force, after the rule took effect: when the
// receiver began to serve, or when the rules were loaded. The zero value is
// always.
type Window struct {
	From  time.Duration
	Until time.Duration // 0 for ever
}

// takes says whether the rule is meant for an event at that time, chance aside.
func (r *Rule) takes(name string, since time.Duration) bool {
	return since >= r.Window.From && (r.Window.Until == 0 || since < r.Window.Until) && r.Events.Match(name)
}

// Script decides answers by the first rule that matches. It is safe for
// concurrent use once it is served; a nil Script answers 200 to everything.
type Script struct {
	Rules     []Rule
	Seed      uint64  // of the rules that act by chance
	TimeScale float64 // multiplies the windows, 1 unless given

	begun  time.Time // when Rules took effect
	loaded atomic.Pointer[loadedRules]
}

// loadedRules come after Rules and are replaced as a whole.
type loadedRules struct {
	rules []Rule
	since time.Time
}

// begin starts the clock of the windows.
func (s *Script) begin(now time.Time) {
	if s != nil {
		s.begun = now
	}
}

// load replaces the rules that come after s.Rules; they take effect now.
func (s *Script) load(rules []Rule, now time.Time) { s.loaded.Store(&loadedRules{rules, now}) }

// ByChance says whether a rule acts by chance, so that the seed matters.
func (s *Script) ByChance() bool {
	chance := func(r Rule) bool { return r.Chance < 1 }
	if s == nil {
		return false
	}
	l := s.loaded.Load()
	return slices.ContainsFunc(s.Rules, chance) || l != nil && slices.ContainsFunc(l.rules, chance)
}

// Decide gives the answer to the nth delivery (from 1) of an event that came
// at a time.
func (s *Script) Decide(name, id string, attempt int, at time.Time) Answer {
	if s != nil {
		if a, ok := s.first(s.Rules, 0, s.begun, name, id, attempt, at); ok {
			return a
		}
		if l := s.loaded.Load(); l != nil {
			if a, ok := s.first(l.rules, len(s.Rules), l.since, name, id, attempt, at); ok {
				return a
			}
		}
	}
	return Answer{Status: 200}
}

// first gives the answer of the first rule that matches; number is that of the
// first rule.
func (s *Script) first(rules []Rule, number int, since time.Time, name, id string, attempt int, at time.Time) (Answer, bool) {
	elapsed := at.Sub(since)
	if s.TimeScale > 0 {
		elapsed = time.Duration(float64(elapsed) / s.TimeScale)
	}
	for i := range rules {
		r := &rules[i]
		if !r.takes(name, elapsed) || r.Chance < 1 && s.draw(number+i, id, attempt) >= r.Chance {
			continue
		}
		return r.Answers[min(max(attempt, 1), len(r.Answers))-1], true
	}
	return Answer{}, false
}

// draw gives a number in [0,1) that depends on the seed and the attempt only,
// so that a run can be repeated whatever the order of its requests.
func (s *Script) draw(rule int, id string, attempt int) float64 {
	text := strconv.AppendUint(nil, s.Seed, 10)
	text = strconv.AppendInt(append(text, '/'), int64(rule), 10)
	text = append(append(append(text, '/'), id...), '/')
	h := fnv.New64a()
	h.Write(strconv.AppendInt(text, int64(attempt), 10))
	v := h.Sum64()
	v ^= v >> 33
	v *= 0xff51afd7ed558ccd
	v ^= v >> 33
	return float64(v>>11) / (1 << 53)
}
