package strictyaml

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

type sample struct {
	Name  string            `yaml:"name"`
	Count int               `yaml:"count"`
	Steps []sampleStep      `yaml:"steps"`
	Set   map[string]string `yaml:"set"`
}

// unmarshal decodes a document that is named f.yaml.
func unmarshal(data []byte, v any) error {
	d, err := Parse("f.yaml", data)
	if err != nil {
		return err
	}
	return d.Decode(v)
}

type sampleStep struct {
	Event string `yaml:"event"`
	At    string `yaml:"at"`
	Late  bool   `yaml:"late"`
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"name: x\nstpes: []\n", `f.yaml:2:1: unknown key "stpes"; did you mean "steps"?`},
		{"name: x\nsteps:\n  - event: a\n    evnt: b\n", `f.yaml:4:5: unknown key "evnt"; did you mean "event"?`},
		{"name: x\nsteps:\n- event: a\n\tat: 3s\n", `f.yaml:4:1: there is a tab; YAML is indented with spaces`},
		{"name: x\nzzzzzz: 1\n", `f.yaml:2:1: unknown key "zzzzzz"`},
		{"name: x\nname: y\n", `f.yaml:2:1: mapping key "name" already defined at [1:1]`},
		{"count: many\n", `f.yaml:1:8: "many" is not a whole number`},
		{"steps:\n  - late: perhaps\n", `f.yaml:2:11: "perhaps" is not true or false`},
		{"steps:\n  ! #\n", `f.yaml:2:3: tags are not supported`},
		{"", `f.yaml: the file is empty`},
		{"# nothing\n", `f.yaml: the file is empty`},
		{"a: &x [1]\nb: *x\n", `f.yaml:1:4: anchors, aliases and merge keys are not supported`},
		{"name: a\n---\nname: b\n", `f.yaml: the file holds several documents; one is expected`},
		{strings.Repeat("[", 200), `f.yaml:1:101: the document is nested too deeply`},
		{"\xff\xfen\x00a\x00", `f.yaml: the text is UTF-16; save it as UTF-8`},
		{"name: \"x\n", "f.yaml:1:7: could not find end character of double-quoted text"},
	} {
		var v sample
		err := unmarshal([]byte(tc.text), &v)
		var e *Error
		if !errors.As(err, &e) || err.Error() != tc.want {
			t.Errorf("%q:\n got %v\nwant %s", tc.text, err, tc.want)
		}
	}
}

// Only what JSON also takes for a number is one: all else is a text as people
// write it.
func TestNumbers(t *testing.T) {
	var got map[string]any
	text := "\uFEFFa: 05551230001\nb: 010\nc: 1_2\nd: 0x1F\ne: 0b11\nf: 0o17\ng: 7\nh: -1.50\ni: 1e3\nj: +5\n"
	if err := unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := "map[a:05551230001 b:010 c:1_2 d:0x1F e:0b11 f:0o17 g:7 h:-1.5 i:1e3 j:+5]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	for key, v := range got {
		if _, isText := v.(string); isText == strings.Contains("gh", key) {
			t.Errorf("%s is a %T", key, v)
		}
	}
}

func TestErrorfFindsThePlace(t *testing.T) {
	d, err := Parse("f.yaml", []byte("name: x\nsteps:\n  - event: a\n    at: 1s\n  - event: b\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"$.steps[1].event":   "f.yaml:5:12: no",
		"$.steps[1].missing": "f.yaml:5:5: no",
		"$.nothing":          "f.yaml:1:1: no",
	} {
		if got := d.Errorf(path, "no").Error(); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	var v sample
	if err := unmarshal([]byte("name: n\ncount: 3\nsteps: [{event: e, late: true}]\nset: {a: b}\n"), &v); err != nil {
		t.Fatal(err)
	}
	if v.Name != "n" || v.Count != 3 || len(v.Steps) != 1 || !v.Steps[0].Late || v.Set["a"] != "b" {
		t.Errorf("got %+v", v)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: x\nsteps:\n  - event: a\n    at: 1s\n"))
	f.Add([]byte("{name: x, steps: [{event: a}]}"))
	f.Add([]byte("a: |\n  text\n? b\n: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v sample
		err := unmarshal(data, &v)
		var e *Error
		if err != nil && (!errors.As(err, &e) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("not one line of our own: %q", err)
		}
	})
}
