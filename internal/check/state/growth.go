package state

import (
	"fmt"
	"slices"
	"strings"
)

// Growth finds what an event made grow and every further event of its kind has
// to make grow as well: a number that went up by one, or a list that became
// longer. It returns the place, "" when there is none. When the events are about
// the same thing, only what names the event or counts events by its name has to
// grow again.
func Growth(before, after *State, sameThing bool) string {
	found := ""
	walkBoth(before, after, "", func(path string, b, a *State) {
		if found != "" {
			return
		}
		added := ""
		if b.kind == object && a.kind == object && !sameThing {
			added = newThing(b, a)
		}
		switch {
		case added != "":
			found = path + "/" + added
		case b.kind == array && a.kind == array && len(a.kids) > len(b.kids):
			_, extra := bagDifference(b.kids, a.kids)
			if !sameThing || slices.ContainsFunc(extra, namesEvent) {
				found = path
			}
		case b.kind == scalar && a.kind == scalar && raised(b.text, a.text):
			if !sameThing || countsEvents(path) {
				found = path
			}
		case b.kind == object && a.kind == object && countsEvents(path):
			// Counts by label, say: the first one is a new member.
			if i := slices.IndexFunc(a.keys, func(key string) bool { return b.member(key) == nil && isOne(a.member(key)) }); i >= 0 {
				found = path + "/" + a.keys[i]
			}
		}
	})
	return found
}

// newThing finds a member that is there afterwards and is named for a message or a
// notification, which no two events have in common that are about different things.
func newThing(before, after *State) string {
	for _, key := range after.keys {
		if (strings.Contains(key, "<message_id ") || strings.Contains(key, "<notification_id ")) && before.member(key) == nil {
			return key
		}
	}
	return ""
}

func namesEvent(n *State) bool {
	c := n.Canon()
	return strings.Contains(c, "<event_id ") || strings.Contains(c, "<event_ts ")
}

func raised(before, after string) bool {
	var b, a int
	if _, err := fmt.Sscanf(after, "%d", &a); err != nil || fmt.Sprint(a) != after {
		return false
	}
	if _, err := fmt.Sscanf(before, "%d", &b); err != nil || fmt.Sprint(b) != before {
		return false
	}
	return a == b+1
}

func isOne(s *State) bool { return s.kind == scalar && s.text == "1" }

// countsEvents says whether a number is named for the events that it counts,
// and not for the messages or numbers in which they happened.
func countsEvents(path string) bool {
	name := squash(path[strings.LastIndex(path, "/")+1:])
	for _, base := range []string{"click", "clicks", "linkclicks", "tap", "taps", "action", "actions", "event", "events"} {
		for _, form := range []string{base, base + "count", base + "total", "total" + base, "num" + base, "numberof" + base, base + "received"} {
			if name == form {
				return true
			}
		}
	}
	return false
}

// walkBoth visits what two states have in common.
func walkBoth(a, b *State, path string, yield func(path string, a, b *State)) {
	yield(path, a, b)
	if a.kind != object || b.kind != object {
		return
	}
	for i, key := range a.keys {
		if kid := b.member(key); kid != nil {
			walkBoth(a.kids[i], kid, path+"/"+key, yield)
		}
	}
}
