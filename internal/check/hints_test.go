package check_test

import (
	"strings"
	"testing"

	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
)

// hinted are words that what is told of a flaw has to contain, by check: they name
// the cause or the cure.
func hinted() map[string]map[string]string {
	return map[string]map[string]string{
		"forbidden":                 {"auth.missing": "403 says that the credentials are right"},
		"login-page":                {"auth.missing": "login redirect"},
		"hidden-route":              {"auth.missing": "hiding the route"},
		"missing-is-internal":       {"auth.missing": "Relay tries a 500 four times"},
		"presence-only":             {"auth.wrong": "compare them whole and exactly"},
		"case-sensitive-scheme":     {"auth.scheme-case": "basic, BASIC: status 401"},
		"case-sensitive-scheme-403": {"auth.scheme-case": "basic, BASIC: status 403"},
		"refusal-leaves-the-body":   {"auth.missing": "read the body before you answer 401"},
		"duplicate-409":             {"duplicate.accepted": "status 409"},
		"small-bodies":              {"batch.accepted": "100 kB"},
		"multi-status":              {"batch.accepted": "207"},
		"strict-payload":            {"tolerant.properties": "FAIL_ON_UNKNOWN_PROPERTIES"},
		"ignores: utf8mb3":          {"event.unicode": "utf8mb4"},
		"ignores: uuids-only":       {"event.id-forms": "accepted and ignored"},
		"last-four-hundred-ids":     {"duplicate.memory": "not in a list of the newest ones"},
		"read-change-write":         {"concurrent.events": "SET n = n + 1"},
		"three-at-a-time":           {"concurrent.accepted": "503"},
		"ten-a-second":              {"concurrent.accepted": "429"},
		"slow-kind-under-a-lock":    {"concurrent.accepted": "account.deactivate"},
		"acknowledges-first":        {"retry.effect": "200 tells Relay to forget it"},
		"id-before-effect":          {"retry.effect": "keep the event_id in the transaction of the effect"},
		"write-behind":              {"durable.restart": "after a restart"},
		"seconds":                   {"order.fine": "milliseconds"},
		"named-by-its-first":        {"batch.unknown-member": "first"},
		"drops-everything":          {"event.effect": "let the probe show it", "duplicate.sequential": "do not change what the probe shows"},
	}
}

// checkHints holds that each result of a flaw that is not a pass says what was
// expected, what was seen and what to do, and what else the table asks for.
func checkHints(t *testing.T, flaw string, rep *check.Report) {
	t.Helper()
	words := hinted()[flaw]
	for i := range rep.Checked {
		o := &rep.Checked[i]
		id := o.Check.ID
		switch o.Verdict {
		case check.Fail, check.Warn:
			if o.Expected == "" || o.Actual == "" || o.Fix() == "" || o.Repeat == nil {
				t.Errorf("%s: not all is said: expected %q, actual %q, fix %q, repeat %v", id, o.Expected, o.Actual, o.Fix(), o.Repeat)
			}
		case check.Blocked, check.Inconclusive, check.Skip:
			if o.Reason == "" && o.Missing == "" {
				t.Errorf("%s: %s for no reason", id, o.Verdict)
			}
		}
		if said := o.Actual + "\n" + o.Reason + "\n" + o.Fix(); !strings.Contains(said, words[id]) {
			t.Errorf("%s does not say %q:\n%s", id, words[id], said)
		}
	}
}

// A row for a flaw or a check that is not there would hold nothing.
func TestHintsAreOfTheBed(t *testing.T) {
	rows := hinted()
	for _, f := range testbed.Flaws() {
		for id := range rows[f.Name] {
			if _, err := check.Find(check.All(), id); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
		delete(rows, f.Name)
	}
	for name := range rows {
		t.Errorf("%s: no flaw has that name", name)
	}
}
