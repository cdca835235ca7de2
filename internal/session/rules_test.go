package session

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/recv/script"
)

func TestRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	const before, after = "rules: [{respond: 500}]\n", "rules: [{event: message.*, respond: 401}]\n"
	if err := os.WriteFile(path, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	fixed, err := script.Parse("account.*=503")
	if err != nil {
		t.Fatal(err)
	}
	rules := &script.Rules{Fixed: []script.Rule{fixed}}
	s := New(Config{Rules: rules, RulesFile: path})
	set := func(text string, save bool) error {
		_, err := s.SetRules(Change{Text: &text, Save: save})
		return err
	}
	if err := set(before, false); err != nil {
		t.Fatal(err)
	}
	answer := func(name string) int { return rules.Decide(name, "id", 1, time.Now()).Status }
	if err := set("rules: [{respnd: 1}]", false); err == nil || !strings.Contains(err.Error(), `did you mean`) || answer("message.delivered") != 500 {
		t.Errorf("broken rules: %v", err)
	}
	unknown, text := Mode("300"), "rules: []"
	if _, err := s.SetRules(Change{Text: &text, Mode: &unknown}); err == nil || answer("message.delivered") != 500 {
		t.Errorf("with an unknown mode the rules change: %v", err)
	}
	if err := set(after, false); err != nil || answer("message.delivered") != 401 || answer("account.login") != 503 || answer("x") != 200 {
		t.Errorf("%v", err)
	}
	r, err := s.Rules()
	if want := (Rules{ModeRules, []string{"account.*=503"}, after, path, false}); err != nil || !cmp.Equal(r, want) {
		t.Errorf("%+v %v", r, err)
	}
	if text, _ := os.ReadFile(path); string(text) != before {
		t.Error("the file was written unasked")
	}
	if err := set(after, true); err != nil {
		t.Fatal(err)
	}
	info, _ := os.Stat(path)
	if text, _ := os.ReadFile(path); string(text) != after || info.Mode().Perm() != 0o640 {
		t.Errorf("%q %v", text, info.Mode())
	}
	for _, m := range Modes() {
		if err := s.SetMode(m); err != nil {
			t.Error(err)
		}
		want := map[Mode]int{ModeOK: 200, ModeFailing: 500, ModeRefused: 401, ModeRules: 401}[m]
		if got := answer("message.delivered"); got != want || s.Stats().Mode != m {
			t.Errorf("%s: %d", m, got)
		}
	}
	if err := s.SetMode("300"); err == nil {
		t.Error("an unknown mode was taken")
	}
	failing := ModeFailing
	if warnings, err := s.SetRules(Change{Text: &text, Mode: &failing}); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "the mode 500") {
		t.Errorf("rules behind a mode: %q %v", warnings, err)
	}
	if _, err := New(Config{}).SetRules(Change{}); !errors.Is(err, ErrNoRules) {
		t.Error(err)
	}
}
