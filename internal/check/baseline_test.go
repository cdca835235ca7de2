package check

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/oracle"
	"relayctl/internal/strictyaml"
)

const sampleBaseline = `known_failures:
  - id: auth.bad
    reason: the gateway answers 403, to be mended with the new one
    expires: 2026-12-31
  - id: load.burst
    reason: one worker until spring
`

func TestParseBaseline(t *testing.T) {
	b, err := ParseBaseline("b.yaml", []byte(sampleBaseline), some())
	if err != nil {
		t.Fatal(err)
	}
	want := []Known{
		{"auth.wrong", "the gateway answers 403, to be mended with the new one", time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"load.burst", "one worker until spring", time.Time{}},
	}
	if diff := cmp.Diff(want, b.Entries); diff != "" {
		t.Error(diff)
	}
	if empty, err := ParseBaseline("b.yaml", []byte("known_failures: []\n"), some()); err != nil || empty.Entries != nil {
		t.Error(empty, err)
	}
}

func TestParseBaselineIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"known_failure: []": `b.yaml:1:1: unknown key "known_failure"; did you mean "known_failures"?`,
		"known_failures:\n - id: auth.wrong\n   reson: x":                               `b.yaml:3:4: unknown key "reson"; did you mean "reason"?`,
		"known_failures:\n - id: auth.wrng\n   reason: x":                               `b.yaml:2:8: unknown check "auth.wrng"; did you mean "auth.wrong"?`,
		"known_failures:\n - id: auth.wrong":                                            `b.yaml:2:4: auth.wrong needs a reason`,
		"known_failures:\n - {id: auth.wrong, reason: '  '}":                            `b.yaml:2:5: auth.wrong needs a reason`,
		"known_failures:\n - reason: x":                                                 `b.yaml:2:4: an entry needs the id of a check`,
		"known_failures:\n - {id: auth.wrong, reason: x, expires: 31.12.2026}":          `b.yaml:2:41: "31.12.2026" is not a date such as 2026-12-31`,
		"known_failures:\n - {id: auth.wrong, reason: x}\n - {id: auth.bad, reason: y}": `b.yaml:3:9: auth.wrong is listed twice`,
		"":                       `b.yaml: the file is empty`,
		"- id: auth.wrong":       `b.yaml:`,
		"known_failures: seldom": `b.yaml:1:17`,
	} {
		_, err := ParseBaseline("b.yaml", []byte(text), some())
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzParseBaseline(f *testing.F) {
	f.Add([]byte(sampleBaseline))
	f.Add([]byte("known_failures:\n - {id: auth.wrong, reason: x, expires: 2026-02-30}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBaseline("b.yaml", data, some())
		if err != nil {
			var own *strictyaml.Error
			if !errors.As(err, &own) || strings.Contains(err.Error(), "\n") {
				t.Errorf("an error without a place, or of several lines: %q", err)
			}
			return
		}
		for _, e := range b.Entries {
			if e.ID == "" || e.Reason == "" {
				t.Errorf("an entry lacks something: %+v", e)
			}
		}
	})
}

// checked is a check with a verdict in a made-up run.
func checked(id string, v Verdict) Checked {
	return Checked{Check: &Check{ID: id}, Result: Result{Verdict: v}}
}

func TestStaleEntries(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	b := &Baseline{File: "b.yaml", Entries: []Known{
		{ID: "auth.wrong", Reason: "x"}, {ID: "auth.missing", Reason: "x"}, {ID: "load.burst", Reason: "x", Expires: now}, {ID: "load.loss", Reason: "x"},
	}}
	got := b.stale([]Checked{checked("auth.wrong", Pass), checked("auth.missing", Fail), checked("load.burst", Fail), checked("load.loss", Skip)}, now)
	want := []string{
		"b.yaml: auth.wrong passes now; remove its entry",
		"b.yaml: the entry of load.burst expired on 2026-04-30: mend the failure, or decide anew",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if b.find("load.burst", now) != nil || b.find("load.burst", now.Add(-time.Second)) == nil || b.find("auth.missing", now) == nil {
		t.Error("an entry counts until its last day has ended")
	}
}

func TestWrittenBaselineCanBeRead(t *testing.T) {
	known := &Known{ID: "load.loss", Reason: `it's "known": #7`, Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	r := &Report{StartedAt: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Checked: []Checked{
		checked("auth.wrong", Fail), checked("auth.missing", Pass), checked("load.burst", Warn),
		{Check: &Check{ID: "load.loss"}, Result: Result{Verdict: Fail}, Known: known},
	}}
	b, err := ParseBaseline("b.yaml", r.WriteBaseline(), some())
	if err != nil {
		t.Fatal(err)
	}
	want := []Known{{"auth.wrong", "written from a run on 2026-05-01; not yet explained", time.Date(2026, 7, 31, 0, 0, 0, 0, time.UTC)}, *known}
	if diff := cmp.Diff(want, b.Entries); diff != "" {
		t.Error(diff)
	}
	if b, err := ParseBaseline("b.yaml", (&Report{}).WriteBaseline(), some()); err != nil || b.Entries != nil {
		t.Error(b, err)
	}
}

func TestBaselineSchemaTakesAWrittenBaseline(t *testing.T) {
	s := oracle.Schema(t, BaselineSchema())
	id := All()[0].ID
	good := map[string]any{"known_failures": []any{map[string]any{"id": id, "reason": "x", "expires": "2026-12-31"}}}
	if err := s.Validate(good); err != nil {
		t.Error(err)
	}
	for _, bad := range []any{
		map[string]any{"known_failures": []any{map[string]any{"id": "no.such", "reason": "x"}}},
		map[string]any{"known_failures": []any{map[string]any{"id": id}}},
		map[string]any{"known": []any{}},
	} {
		if s.Validate(bad) == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}
