package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func some() []Check {
	return []Check{
		{ID: "auth.wrong", Aliases: []string{"auth.bad"}, Title: "a"},
		{ID: "auth.missing", Title: "b"},
		{ID: "load.burst", Tags: []string{"slow"}, Title: "c"},
		{ID: "load.loss", Tags: []string{"slow", "state"}, Title: "d"},
	}
}

func TestSelectNamesChecks(t *testing.T) {
	for _, c := range []struct {
		only, skip, want string
	}{
		{"", "", "auth.wrong auth.missing load.burst load.loss"},
		{"load.loss,auth.wrong", "", "auth.wrong load.loss"},
		{"auth", "", "auth.wrong auth.missing"},
		{"slow", "state", "load.burst"},
		{"", "auth.*", "load.burst load.loss"},
		{"auth.bad", "", "auth.wrong"},
		{"*.b*", "", "auth.wrong load.burst"}, // an alias is matched as well
		{"auth", "auth", ""},
	} {
		got, err := Select(some(), split(c.only), split(c.skip))
		if err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		var ids []string
		for _, x := range got {
			ids = append(ids, x.ID)
		}
		if diff := cmp.Diff(c.want, strings.Join(ids, " ")); diff != "" {
			t.Errorf("%+v: %s", c, diff)
		}
	}
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func TestSelectRefusesWhatMatchesNothing(t *testing.T) {
	for pattern, want := range map[string]string{
		"auth.wrng": `did you mean "auth.wrong"?`,
		"lod":       `did you mean "load"?`,
		"order.*":   `matches "order.*"`,
		"[":         `pattern "[" cannot be read`,
	} {
		for _, lists := range [][2][]string{{{pattern}, nil}, {nil, {"slow", pattern}}} {
			if _, err := Select(some(), lists[0], lists[1]); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", pattern, err, want)
			}
		}
	}
	if _, err := Find(some(), "auth.bda"); err == nil || !strings.Contains(err.Error(), `did you mean "auth.bad"?`) {
		t.Error(err)
	}
	if c, err := Find(some(), "auth.bad"); err != nil || c.ID != "auth.wrong" {
		t.Error(c, err)
	}
}

// The catalogue itself: every value is whole, and ids are unique.
func TestEveryCheckExplainsItself(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		for _, id := range append([]string{c.ID}, c.Aliases...) {
			if seen[id] || !strings.Contains(id, ".") {
				t.Errorf("%s: not unique, or without a group", id)
			}
			seen[id] = true
		}
		for what, text := range map[string]string{"title": c.Title, "why": c.Why, "how": c.How, "fix": c.Fix, "clause": c.Clause} {
			if text == "" || strings.HasSuffix(text, ".") {
				t.Errorf("%s: the %s is missing, or ends with a full stop: %q", c.ID, what, text)
			}
		}
		if c.Level != Must && c.Level != Should && c.Level != May {
			t.Errorf("%s: level %q", c.ID, c.Level)
		}
		if c.Run == nil {
			t.Errorf("%s does nothing", c.ID)
		}
	}
}
