package state

import "testing"

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

// What an event told is taken back where it was told, and not in the log beside it.
func TestStays(t *testing.T) {
	s := someone(1)
	for _, c := range []struct {
		before, told, back string
		want               bool
	}{
		{`{"stop":false,"log":["in"]}`, `{"stop":true,"log":["in","out"]}`, `{"stop":true,"log":["in","in","out"]}`, true},
		{`{"stop":false,"log":["in"]}`, `{"stop":true,"log":["in","out"]}`, `{"stop":false,"log":["in","in","out"]}`, false},
		{`{"numbers":["x","y"]}`, `{"numbers":["y"]}`, `{"numbers":["x","y"]}`, false},
		{`{"numbers":["x","y"],"log":["a"]}`, `{"numbers":["y"],"log":["a","b"]}`, `{"numbers":["y"],"log":["a","b","c"]}`, true},
		{`{"stopped":[]}`, `{"stopped":["x"]}`, `{"stopped":[]}`, false},
		{`{"stopped":[]}`, `{"stopped":["x"]}`, `{"stopped":["x"]}`, true},
		{`{"rows":[{"k":"x","v":"in"}]}`, `{"rows":[{"k":"x","v":"out"}]}`, `{"rows":[{"k":"x","v":"in"}]}`, false},
		{`{"rows":{"x":"in"}}`, `{"rows":{}}`, `{"rows":{"x":"in"}}`, false},
		{`{"n":1}`, `{"n":2}`, `{"n":3}`, false},
		{``, `{"a":"out"}`, `{"a":"in"}`, false},
	} {
		if got := Stays(s.shown(c.before), s.shown(c.told), s.shown(c.back)); got != c.want {
			t.Errorf("%s, %s, %s: %t, want %t", c.before, c.told, c.back, got, c.want)
		}
	}
}
