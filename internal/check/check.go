// Package check holds the conformance checks as values, the runner and its
// verdict.
package check

import (
	"context"
	"time"
)

// Level is how binding a check is.
type Level string

// The levels. MUST fails the run, SHOULD warns (fails when strict), MAY informs.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
	May    Level = "MAY"
)

// Verdict is the result of a check.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Warn         Verdict = "warn"
	Skip         Verdict = "skip"
	Blocked      Verdict = "blocked"      // its control failed: nothing can be said
	Inconclusive Verdict = "inconclusive" // the network or the generator got in the way
)

// Check is one conformance check. Its texts are the source of --list,
// --explain, the reports and the reference page.
type Check struct {
	ID      string   // immutable slug, "auth.missing"
	Aliases []string // earlier ids
	Level   Level
	Clause  string   // the clause it holds the receiver to, "R-401"
	Title   string   // one line: what passes
	Why     string   // what goes wrong in production otherwise
	How     string   // what is sent and what is looked at
	Fix     string   // what to do about a failure
	Tags    []string // "probe", "load", "batch", "slow"
	Probe   bool     // needs a probe
	// Alone says that the check disturbs others and must not run beside them.
	Alone bool
	Run   func(ctx context.Context, r *Run) Result
}

// Group is what stands before the dot of a check's id.
func (c Check) Group() string { return group(c.ID) }

// Result is what a check found.
type Result struct {
	ID       string        `json:"id"`
	Level    Level         `json:"level"`
	Clause   string        `json:"clause"`
	Title    string        `json:"title"`
	Verdict  Verdict       `json:"verdict"`
	Reason   string        `json:"reason,omitempty"`   // why it was skipped, blocked or inconclusive
	Expected string        `json:"expected,omitempty"` // every acceptable outcome
	Actual   string        `json:"actual,omitempty"`
	Fix      string        `json:"fix,omitempty"`
	Repeat   string        `json:"repeat,omitempty"` // a command that shows it
	Took     time.Duration `json:"-"`
	Subs     []Sub         `json:"sub_results,omitempty"`
	Baseline bool          `json:"baseline,omitempty"` // a known failure
}

// Sub is one case of a check that tries several, such as every event name.
type Sub struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Actual  string  `json:"actual,omitempty"`
}
