package state

import (
	"slices"
	"strconv"
	"strings"
)

// Tells says whether what changed from one state to the next says what happened, and
// not only that, when or how often something happened: a text, a yes or no, a number of
// the customer's that is there or gone. Counts, ids of events, and times do not.
func Tells(before, after *State) bool {
	switch {
	case before == nil:
		return says(after)
	case after == nil:
		return says(before)
	case Same(before, after):
		return false
	case before.kind != after.kind || after.kind == scalar:
		return says(before) || says(after)
	case after.kind == array:
		missing, extra := bagDifference(before.kids, after.kids)
		return slices.ContainsFunc(append(missing, extra...), says)
	}
	return members(after, func(key string, kid *State) bool {
		b := before.member(key)
		return b == nil && isPhone(key) || Tells(b, kid)
	}) || members(before, func(key string, kid *State) bool {
		return after.member(key) == nil && (isPhone(key) || says(kid))
	})
}

// Stays says whether what one event told, from the first state to the second, is still
// so in the third, after an event that took it back. Lists that only grew may be logs of what happened: if the
// first event changed anything else, the second has to change one of those other places.
func Stays(before, told, back *State) bool {
	places := changed(before, told, false)
	if len(places) == 0 {
		return Tells(before, told) && !Tells(told, back)
	}
	later := changed(told, back, true)
	return !slices.ContainsFunc(places, func(place string) bool { return slices.Contains(later, place) })
}

// changed lists where a state tells what happened: texts, yes or no, and lists that
// another one took the place of, or, if asked for, that only grew.
func changed(before, after *State, grown bool) []string {
	var found []string
	places(before, after, grown, "", func(path string) { found = append(found, path) })
	return found
}

func places(before, after *State, grown bool, path string, yield func(string)) {
	before, after = likened(before, after), likened(after, before)
	switch {
	case before == nil || after == nil || before.kind != after.kind || after.kind == scalar:
		if Tells(before, after) {
			yield(path)
		}
	case after.kind == array:
		missing, extra := bagDifference(before.kids, after.kids)
		if slices.ContainsFunc(missing, says) || grown && slices.ContainsFunc(extra, says) {
			yield(path)
		}
	default:
		for i, key := range before.keys {
			if kid := after.member(key); kid == nil || !Same(before.kids[i], kid) {
				places(before.kids[i], kid, grown, path+"/"+key, yield)
			}
		}
		for i, key := range after.keys {
			if before.member(key) == nil {
				places(nil, after.kids[i], grown, path+"/"+key, yield)
			}
		}
	}
}

// likened is an empty object in the place of what is absent beside an object, so that
// what is in the object has the same places before and after.
func likened(s, other *State) *State {
	if other != nil && other.kind == object && (s == nil || s.kind == scalar && s.text == Absent) {
		return &State{kind: object}
	}
	return s
}

// members says whether is holds for a member of an object.
func members(s *State, is func(key string, kid *State) bool) bool {
	for i, key := range s.keys {
		if is(key, s.kids[i]) {
			return true
		}
	}
	return false
}

// says is whether a part of a state has a value that says something.
func says(s *State) bool {
	switch s.kind {
	case scalar:
		return saysText(s.text)
	case array:
		return slices.ContainsFunc(s.kids, says)
	}
	return members(s, func(key string, kid *State) bool { return isPhone(key) || says(kid) })
}

// isPhone says whether a text is a telephone number of the customer's.
func isPhone(text string) bool { return strings.HasPrefix(text, "<channel_addr ") }

func saysText(text string) bool {
	if isPhone(text) {
		return true
	}
	_, err := strconv.ParseFloat(text, 64)
	return err != nil && text != "" && text != "null" && text != Absent && !strings.HasPrefix(text, "<")
}
