// Package script decides what an endpoint answers instead of 200: by attempt, by
// event, by chance and for a while, as --respond and a file of rules say. Attempts
// count from the event's first arrival on, also those after it was accepted.
//
// Begin with Rules.Decide, in respond.go. Parse in script.go reads one script, Open in
// rules.go follows a file, and answer.go has the answers and the faults. The package
// knows nothing of HTTP, and of events the names only.
package script

import (
	"hash/fnv"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"relayctl/internal/event"
)

// Rule gives the answers to the attempts of the events that it takes.
type Rule struct {
	Events  event.Filter // the zero value takes all
	Answers []Answer     // of arrival 1, 2, … of an event; the last one stands for all that follow
	Chance  float64      // the share of attempts that the rule takes, 1 for all
	Window  Window
	Text    string // as Parse read it, "" for a rule of a file
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

// Rules decide answers: the first one that matches does. They are safe for
// concurrent use once Begin was called; nil answers 200 to everything.
type Rules struct {
	Fixed     []Rule  // come first and do not change
	Seed      uint64  // of the rules that act by chance
	TimeScale float64 // multiplies the windows, 1 unless given

	begun    time.Time // when Fixed took effect
	loaded   atomic.Pointer[loadedRules]
	override atomic.Pointer[Answer]
}

// loadedRules come after the fixed ones and are replaced as a whole.
type loadedRules struct {
	rules []Rule
	text  string
	since time.Time
}

// Begin starts the clock of the windows.
func (s *Rules) Begin(now time.Time) {
	if s != nil {
		s.begun = now
	}
}

// load replaces the rules that come after the fixed ones, of which text is the source;
// they take effect now.
func (s *Rules) load(rules []Rule, text string, now time.Time) {
	s.loaded.Store(&loadedRules{rules, text, now})
}

// Replace puts the rules of a text in the place of those that were loaded before,
// all at once, as a changed file does; file is the text's name in errors. Where the
// text is not sound as a whole the rules in force stay. The doubts are those of
// ParseFile. Safe for concurrent use.
func (s *Rules) Replace(file, text string) (doubts []error, err error) {
	rules, doubts, err := ParseFile(file, []byte(text))
	if err == nil {
		s.load(rules, text, time.Now())
	}
	return doubts, err
}

// Text is the source of the loaded rules, "" if none are loaded.
func (s *Rules) Text() string {
	if l := s.loaded.Load(); l != nil {
		return l.text
	}
	return ""
}

// Override makes one answer stand for all, before every rule; nil ends that. It is safe
// for concurrent use.
func (s *Rules) Override(a *Answer) { s.override.Store(a) }

// Active says whether any answer may differ from a plain 200. For nil Rules it is false.
func (s *Rules) Active() bool {
	if s == nil {
		return false
	}
	l := s.loaded.Load()
	return len(s.Fixed) > 0 || l != nil && len(l.rules) > 0 || s.override.Load() != nil
}

// ByChance says whether a rule acts by chance: then the seed matters.
func (s *Rules) ByChance() bool {
	chance := func(r Rule) bool { return r.Chance < 1 }
	if s == nil {
		return false
	}
	l := s.loaded.Load()
	return slices.ContainsFunc(s.Fixed, chance) || l != nil && slices.ContainsFunc(l.rules, chance)
}

// Decide gives the answer to an event that came at a time. attempt is which arrival of
// the event it is altogether, from 1.
func (s *Rules) Decide(name, id string, attempt int, at time.Time) Answer {
	if s != nil {
		if a := s.override.Load(); a != nil {
			return *a
		}
		if a, ok := s.first(s.Fixed, 0, s.begun, name, id, attempt, at); ok {
			return a
		}
		if l := s.loaded.Load(); l != nil {
			if a, ok := s.first(l.rules, len(s.Fixed), l.since, name, id, attempt, at); ok {
				return a
			}
		}
	}
	return Answer{Status: 200}
}

// first gives the answer of the first rule that matches; number is that of the
// first rule.
func (s *Rules) first(rules []Rule, number int, since time.Time, name, id string, attempt int, at time.Time) (Answer, bool) {
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
func (s *Rules) draw(rule int, id string, attempt int) float64 {
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
