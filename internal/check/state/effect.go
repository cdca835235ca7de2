package state

import (
	"slices"
	"strconv"
	"strings"
)

// anyText stands for a text that need not be the same where an unusual event is
// compared with the usual one.
const anyText = "<any text>"

// Marker begins the texts of events whose effects are compared with Lacks. What
// follows it, up to white space, may be shown in any way: whole, cut, escaped,
// with a character replaced.
const Marker = "Conformance-check"

var markerForm = form(Marker + `\S*`)

// Lenient returns a view that also takes those values for any text, and all
// that begins with Marker.
func (v *View) Lenient(values []string) *View {
	lenient := *v
	lenient.free = map[string]bool{}
	for _, value := range values {
		lenient.free[value] = true
	}
	return &lenient
}

// lenientText puts a role in the place of what need not be the same.
func (v *View) lenientText(s string) string {
	switch {
	case v.free == nil:
		return s
	case v.free[s]:
		return anyText
	}
	return markerForm().ReplaceAllString(s, anyText)
}

// Lacks says where an unusual event did not do what the usual one did, "" when
// it did. before is the state without either. The unusual event may do more, and
// what is unusual about it need not be shown alike: only what the usual event
// changed is looked at, and texts of the event itself, ids and times are free.
func Lacks(before, usual, unusual *State) string {
	return lacks(before, usual, unusual, "")
}

func lacks(before, usual, unusual *State, path string) string {
	if before != nil && Same(before, usual) || Same(usual, unusual) {
		return ""
	}
	switch {
	case usual.kind == scalar:
		return lacksScalar(before, usual, unusual, path)
	case usual.kind != unusual.kind:
		return shownAs(path, unusual, usual)
	case usual.kind == array:
		return lacksElements(before, usual, unusual, path)
	}
	return lacksMembers(before, usual, unusual, path)
}

func lacksScalar(before, usual, unusual *State, path string) string {
	if isFree(usual.text) || unusual.kind != scalar && before == nil {
		return ""
	}
	if isNumber(usual.text) && isNumber(unusual.text) {
		// A size or a row's number may differ; a count and a flag may not.
		if before == nil && usual.text != "0" && usual.text != "1" {
			return ""
		}
		if before != nil && !raised(before.text, usual.text) && !Same(before, unusual) {
			return ""
		}
	}
	return shownAs(path, unusual, usual)
}

func shownAs(path string, have, want *State) string {
	if path == "" {
		path = "the state"
	}
	return path + " is " + have.Show() + " instead of " + want.Show()
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// isFree says whether a text may be another one after an unusual event.
func isFree(s string) bool {
	return s == Absent || slices.ContainsFunc([]string{anyText, "<event_id ", "<event_ts ", "<trigger_id ", ownClock, ownID, noted},
		func(role string) bool { return strings.Contains(s, role) })
}

// lacksElements compares arrays: as many elements, and a match for each that the
// usual event added.
func lacksElements(before, usual, unusual *State, path string) string {
	if len(unusual.kids) < len(usual.kids) {
		return path + " has " + strconv.Itoa(len(unusual.kids)) + " elements instead of " + strconv.Itoa(len(usual.kids))
	}
	var old []*State
	if before != nil {
		old = before.kids
	}
	_, added := bagDifference(old, usual.kids)
	missing, extra := bagDifference(added, unusual.kids)
	first := ""
	for _, m := range missing {
		why := path + " lacks " + m.Show()
		for i, e := range extra {
			w := lacks(nil, m, e, path+"/*")
			if w == "" {
				extra, why = slices.Delete(extra, i, i+1), ""
				break
			}
			if len(extra) == 1 {
				why = w
			}
		}
		if first == "" {
			first = why
		}
	}
	return first
}

func lacksMembers(before, usual, unusual *State, path string) string {
	member := func(s *State, key string) *State {
		if s == nil {
			return nil
		}
		return s.member(key)
	}
	for i, key := range usual.keys {
		kid, was, have := usual.kids[i], member(before, key), unusual.member(key)
		why := ""
		switch {
		case have != nil:
			why = lacks(was, kid, have, path+"/"+key)
		case was != nil && Same(was, kid), kid.kind == scalar && isFree(kid.text), isNew(before, usual, kid, unusual):
		default:
			why = path + "/" + key + " is missing"
		}
		if why != "" {
			return why
		}
	}
	if before != nil {
		for _, key := range before.keys {
			if usual.member(key) == nil && unusual.member(key) != nil {
				return path + "/" + key + " is still there"
			}
		}
	}
	return ""
}

// isNew says whether the unusual event added a member under another key that
// stands for one that the usual event added.
func isNew(before, usual, kid, unusual *State) bool {
	for i, key := range unusual.keys {
		if usual.member(key) == nil && (before == nil || before.member(key) == nil) && lacks(nil, kid, unusual.kids[i], "") == "" {
			return true
		}
	}
	return false
}
