package recv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesAreLoadedAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+"~", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+"~", file); err != nil {
			t.Fatal(err)
		}
	}
	put("rules: [{respond: 500}]")
	notices := make(chan string, 10)
	s := launch(t, Config{Rules: file, Script: rules(t, "account.*=401"), Notice: func(m string) { notices <- m }})
	expect := func(notice string, status int) {
		t.Helper()
		if notice != "" {
			if got := strings.ReplaceAll(<-notices, file, "F"); got != notice {
				t.Errorf("told %q, want %q", got, notice)
			}
		}
		if got := s.post(t, envelope("a", "message.delivered", "00.000", "{}")); got != status {
			t.Errorf("after %q: answered %d, want %d", notice, got, status)
		}
	}
	expect("", 500)
	put("rules: [{respond: 503}]")
	expect("F: 1 rule in force", 503)
	put("rules: [{respond: 50}]")
	expect(`the last good rules stay in force: F:1:19: "50" is not a status between 200 and 599, timeout, close, reset, garbage or cut`, 503)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect("F is gone: its last rules stay in force", 503)
	put("rules: [{respond: 500@7%}, {respond: 418}]")
	expect(`the last good rules stay in force: F:1:19: "500@7%": a chance or a window is a key of its own beside respond`, 503)
	put("rules: [{respond: 500, chance: 0%}, {respond: 418}]")
	expect("F: 2 rules in force (seed 1)", 418)
	put("rules: [{event: billing.*, respond: 418}]")
	expect("F: 1 rule in force", 200)
	expect(`F:1:17: event pattern "billing.*" matches no known event (the rule is in force all the same)`, 200)
	put("rules: []")
	expect("F: 0 rules in force", 200)
	if got := s.post(t, envelope("b", "account.deactivate", "00.000", "{}")); got != 401 {
		t.Errorf("the script's own rules come first, but it answered %d", got)
	}
}

func TestRulesThatCannotBeLoaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if _, err := New(Config{Addr: "127.0.0.1:0", TLS: TLSOff, Rules: file}); err == nil {
		t.Error("a missing file is not an error")
	}
	if err := os.WriteFile(file, []byte("rules: 7"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Addr: "127.0.0.1:0", TLS: TLSOff, Rules: file}); err == nil {
		t.Error("a broken file is not an error")
	}
}
