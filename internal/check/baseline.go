package check

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"relayctl/internal/strictyaml"
)

// Baseline is the list of failures that are known: they do not fail a run.
type Baseline struct {
	File    string
	Entries []Known
}

// Known is a known failure.
type Known struct {
	ID      string
	Reason  string
	Expires time.Time // the end of the last day on which it counts; zero: it does not end
}

// baselineDoc is the file as people write it.
type baselineDoc struct {
	KnownFailures []knownDoc `yaml:"known_failures"`
}

type knownDoc struct {
	ID      string `yaml:"id"`
	Reason  string `yaml:"reason"`
	Expires string `yaml:"expires"`
}

// ParseBaseline reads a baseline strictly; file is its name in errors, which
// carry line, column and the nearest right word. The entries bear the ids that
// the checks have now, also where the file has an alias.
func ParseBaseline(file string, data []byte, all []Check) (*Baseline, error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	var raw baselineDoc
	if err := doc.Decode(&raw); err != nil {
		return nil, err
	}
	b := &Baseline{File: file}
	for i, k := range raw.KnownFailures {
		at := fmt.Sprintf("$.known_failures[%d]", i)
		entry := Known{Reason: strings.TrimSpace(k.Reason)}
		c, err := Find(all, k.ID)
		switch {
		case k.ID == "":
			return nil, doc.Errorf(at, "an entry needs the id of a check")
		case err != nil:
			return nil, doc.Errorf(at+".id", "%v", err)
		case slices.ContainsFunc(b.Entries, func(e Known) bool { return e.ID == c.ID }):
			return nil, doc.Errorf(at+".id", "%s is listed twice", c.ID)
		case entry.Reason == "":
			return nil, doc.Errorf(at, "%s needs a reason", k.ID)
		}
		entry.ID = c.ID
		if k.Expires != "" {
			day, err := time.Parse(time.DateOnly, k.Expires)
			if err != nil {
				return nil, doc.Errorf(at+".expires", "%q is not a date such as 2026-12-31", k.Expires)
			}
			entry.Expires = day.AddDate(0, 0, 1)
		}
		b.Entries = append(b.Entries, entry)
	}
	return b, nil
}

// find gives the entry of a check that still counts, nil where there is none.
func (b *Baseline) find(id string, now time.Time) *Known {
	if b == nil {
		return nil
	}
	for i := range b.Entries {
		if e := &b.Entries[i]; e.ID == id && !e.expired(now) {
			return e
		}
	}
	return nil
}

func (k *Known) expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// stale lists what is to be mended in a baseline after a run: entries of checks
// that hold now, and entries that have expired. A check that was not run, or
// could not say anything, leaves its entry as it is.
func (b *Baseline) stale(results []Checked, now time.Time) []string {
	if b == nil {
		return nil
	}
	var out []string
	for i := range b.Entries {
		e := &b.Entries[i]
		at := slices.IndexFunc(results, func(o Checked) bool { return o.Check.ID == e.ID })
		switch {
		case at >= 0 && results[at].Verdict == Pass:
			out = append(out, fmt.Sprintf("%s: %s passes now; remove its entry", b.File, e.ID))
		case e.expired(now):
			out = append(out, fmt.Sprintf("%s: the entry of %s expired on %s: mend the failure, or decide anew", b.File, e.ID, e.Expires.AddDate(0, 0, -1).Format(time.DateOnly)))
		}
	}
	return out
}

// baselineLife is how long an entry counts that relayctl writes.
const baselineLife = 90 * 24 * time.Hour

// WriteBaseline writes the failures of a run as a baseline to start from.
func (r *Report) WriteBaseline() []byte {
	var b bytes.Buffer
	b.WriteString("# Known failures: they do not fail a run. An entry whose check passes, or that has\n# expired, fails the run until it is removed. Say why in each reason.\n")
	day := r.StartedAt.Add(baselineLife).UTC().Format(time.DateOnly)
	none := true
	for i := range r.Checked {
		o := &r.Checked[i]
		if o.Verdict != Fail && o.Known == nil {
			continue
		}
		if none {
			b.WriteString("known_failures:\n")
			none = false
		}
		reason, expires := "written from a run on "+r.StartedAt.UTC().Format(time.DateOnly)+"; not yet explained", day
		if o.Known != nil {
			reason, expires = o.Known.Reason, ""
			if !o.Known.Expires.IsZero() {
				expires = o.Known.Expires.AddDate(0, 0, -1).Format(time.DateOnly)
			}
		}
		fmt.Fprintf(&b, "  - id: %s\n    reason: %q\n", o.Check.ID, reason)
		if expires != "" {
			fmt.Fprintf(&b, "    expires: %q\n", expires)
		}
	}
	if none {
		b.WriteString("known_failures: []\n")
	}
	return b.Bytes()
}

// BaselineSchema is the JSON Schema (2020-12) of a baseline file, ready to be
// marshalled.
func BaselineSchema() map[string]any {
	ids := []any{}
	for _, c := range All() {
		ids = append(ids, c.ID)
		for _, a := range c.Aliases {
			ids = append(ids, a)
		}
	}
	entry := map[string]any{
		"type": "object", "required": []any{"id", "reason"}, "additionalProperties": false,
		"properties": map[string]any{
			"id":      map[string]any{"enum": ids, "description": "the check that is known to fail"},
			"reason":  map[string]any{"type": "string", "pattern": `\S`, "description": "why it may fail, and who mends it"},
			"expires": map[string]any{"type": "string", "pattern": `^(\d{4}-\d{2}-\d{2})?$`, "description": "the last day on which the entry counts"},
		},
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "relayctl baseline",
		"type": "object", "additionalProperties": false,
		"properties": map[string]any{"known_failures": map[string]any{"type": []any{"array", "null"}, "items": entry}},
	}
}
