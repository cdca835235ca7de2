// Package state compares what a receiver shows of two customers. A View reads
// what a probe printed (JSON or text) and puts roles in the place of what
// differs from one customer to the next: ids, telephone numbers, times. Two
// customers with the same history then have equal States, so that no model of
// the receiver is needed.
//
// Begin with View.Read, then Differences. The package knows nothing of HTTP,
// checks or waiting.
package state

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// State is a part of a normalised state, or the whole of it. It is not changed
// once it is made.
//
// Arrays and objects are bags: the order of an array's elements does not count,
// because a log lists events as they arrived, which says nothing about their
// effect.
type State struct {
	kind kind
	text string   // of a scalar
	keys []string // of an object, beside kids; one key may stand there twice
	kids []*State
}

type kind byte

const (
	scalar kind = iota
	array
	object
)

// Patterns are places in a state, the same for all customers: "/messages/*/id".
type Patterns map[string]bool

// Absent is how a state is shown that 404, null or an empty answer stand for.
const Absent = "(absent)"

func absent() *State { return &State{text: Absent} }

// Join makes one state of several.
func Join(parts []*State) *State {
	whole := &State{kind: object, kids: parts}
	for i := range parts {
		whole.keys = append(whole.keys, "reading "+strconv.Itoa(i+1))
	}
	return whole
}

// Parts returns the states that Join made one of.
func (s *State) Parts() []*State { return s.kids }

// Same says whether two states are the same.
func Same(a, b *State) bool { return a.Canon() == b.Canon() }

// Canon writes a state in the one way in which equal states are written.
func (s *State) Canon() string {
	switch s.kind {
	case scalar:
		return strconv.Quote(s.text)
	case array:
		parts := make([]string, len(s.kids))
		for i, k := range s.kids {
			parts[i] = k.Canon()
		}
		slices.Sort(parts)
		return "[" + strings.Join(parts, ",") + "]"
	}
	parts := make([]string, len(s.kids))
	for i, k := range s.kids {
		parts[i] = strconv.Quote(s.keys[i]) + ":" + k.Canon()
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

// Without returns the state without the parts at those places.
func (s *State) Without(patterns Patterns) *State { return s.without(patterns, "") }

func (s *State) without(patterns Patterns, pattern string) *State {
	if len(patterns) == 0 || s.kind == scalar {
		return s
	}
	out := &State{kind: s.kind}
	for i, k := range s.kids {
		under := pattern + "/*"
		if s.kind == object {
			under = pattern + "/" + keyPattern(s.keys[i])
		}
		if patterns[under] {
			continue
		}
		if s.kind == object {
			out.keys = append(out.keys, s.keys[i])
		}
		out.kids = append(out.kids, k.without(patterns, under))
	}
	return out
}

// Timeless is the state with one role for every time, and so the same for
// histories whose events were at other times.
func (s *State) Timeless() *State {
	if s.kind == scalar {
		return &State{text: timeless(s.text)}
	}
	out := &State{kind: s.kind}
	for i, k := range s.kids {
		if s.kind == object {
			out.keys = append(out.keys, timeless(s.keys[i]))
		}
		out.kids = append(out.kids, k.Timeless())
	}
	return out
}

// scalars calls yield with every scalar and its pattern.
func (s *State) scalars(pattern string, yield func(pattern, text string)) {
	for i, k := range s.kids {
		under := pattern + "/*"
		if s.kind == object {
			under = pattern + "/" + keyPattern(s.keys[i])
		}
		if k.kind == scalar {
			yield(under, k.text)
		} else {
			k.scalars(under, yield)
		}
	}
}

// mostDifferences is how many differences are listed.
const mostDifferences = 3

// Differences says in words how a state differs from the wanted one, "" when it
// does not: the first few differences.
func Differences(want, have *State) string {
	var all []string
	compare(want, have, "", func(s string) { all = append(all, s) })
	if len(all) > mostDifferences {
		all = append(all[:mostDifferences], fmt.Sprintf("and %d more", len(all)-mostDifferences))
	}
	return strings.Join(all, "; ")
}

func compare(want, have *State, path string, tell func(string)) {
	if want.Canon() == have.Canon() {
		return
	}
	if want.kind != have.kind || want.kind == scalar {
		tell(fmt.Sprintf("%s is %s instead of %s", cmp.Or(path, "the state"), have.Show(), want.Show()))
		return
	}
	if want.kind == array {
		missing, extra := bagDifference(want.kids, have.kids)
		// A single different element is compared in detail.
		if len(missing) == 1 && len(extra) == 1 {
			compare(missing[0], extra[0], path+"/*", tell)
			return
		}
		for _, m := range missing {
			tell(path + " lacks " + m.Show())
		}
		for _, e := range extra {
			tell(path + " has " + e.Show() + " too much")
		}
		return
	}
	for i, key := range want.keys {
		if kid := have.member(key); kid != nil {
			compare(want.kids[i], kid, path+"/"+key, tell)
		} else {
			tell(path + "/" + key + " is missing")
		}
	}
	for i, key := range have.keys {
		if want.member(key) == nil {
			tell(path + "/" + key + " is there, with " + have.kids[i].Show())
		}
	}
}

func (s *State) member(key string) *State {
	if i := slices.Index(s.keys, key); i >= 0 {
		return s.kids[i]
	}
	return nil
}

// bagDifference gives the elements that only one of two bags has.
func bagDifference(want, have []*State) (missing, extra []*State) {
	count := map[string]int{}
	for _, k := range want {
		count[k.Canon()]++
	}
	for _, k := range have {
		if c := k.Canon(); count[c] > 0 {
			count[c]--
		} else {
			extra = append(extra, k)
		}
	}
	for _, k := range want {
		if c := k.Canon(); count[c] > 0 {
			count[c]--
			missing = append(missing, k)
		}
	}
	return missing, extra
}

// mostShown bounds how much of a state stands in a sentence.
const mostShown = 160

// Show is the beginning of a state for a sentence.
func (s *State) Show() string {
	c := s.Canon()
	if s.kind == scalar {
		c = s.text
	}
	if len(c) > mostShown {
		c = strings.ToValidUTF8(c[:mostShown], "") + "…"
	}
	return c
}
