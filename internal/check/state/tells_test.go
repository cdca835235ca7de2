package state

import (
	"strings"
	"testing"
)

// What says only that, when or how often something happened tells nothing of what it was.
func TestTells(t *testing.T) {
	read := func(text string) *State {
		parsed := &State{kind: object}
		if text != "" {
			parsed.keys, parsed.kids = []string{"it"}, []*State{{text: text}}
		}
		return parsed
	}
	for _, c := range []struct {
		before, after string
		want          bool
	}{
		{"", "notification.delivered", true},
		{"notification.attempted", "notification.delivered", true},
		{"false", "true", true},
		{"", "<channel_addr 2>", true},
		{"<channel_addr 2>", "", true},
		{"1", "2", false},
		{"", "3.5", false},
		{"", "<event_id 7>", false},
		{"", anyText, false},
		{"", "", false},
		{"stop", "stop", false},
	} {
		if got := Tells(read(c.before), read(c.after)); got != c.want {
			t.Errorf("from %q to %q: %v, want %v", c.before, c.after, got, c.want)
		}
	}
	key := &State{kind: object, keys: []string{"<channel_addr 2>"}, kids: []*State{{kind: object}}}
	if !Tells(&State{kind: object}, key) {
		t.Error("a number that is a key tells nothing")
	}
	list := &State{kind: array, kids: []*State{{text: "<event_id 1>"}}}
	if Tells(&State{kind: array}, list) {
		t.Error("a list of ids tells something")
	}
}

// A log that grew is no place where a state tells what holds now.
func TestPlaces(t *testing.T) {
	s := someone(1)
	for _, c := range []struct{ before, after, want string }{
		{`{"a":{"stop":false},"log":["in"],"n":1}`, `{"a":{"stop":true},"log":["in","out"],"n":2}`, "/a/stop"},
		{`{"rows":[{"k":"x","v":"in"}]}`, `{"rows":[{"k":"x","v":"out"}]}`, "/rows"},
		{`{"numbers":["x","y"]}`, `{"numbers":["y"]}`, "/numbers"},
		{`{"numbers":["y"]}`, `{"numbers":["x","y"]}`, ""},
		{`{"a":{"x":"in"}}`, `{"a":{"y":"in"}}`, "/a/x /a/y"},
		{`{"a":1}`, `{"a":2}`, ""},
		{``, `{"a":"in"}`, ""},
	} {
		if got := strings.Join(Places(s.shown(c.before), s.shown(c.after)), " "); got != c.want {
			t.Errorf("%s to %s: %q, want %q", c.before, c.after, got, c.want)
		}
	}
}
