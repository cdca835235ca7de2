// Package check is the conformance suite of a webhook receiver: checks as
// values, the trials in which they run, the runner and its verdict.
package check

import (
	"context"
	"time"
)

// Level says what a check's failure means for the run.
type Level string

// The levels: MUST fails the run, SHOULD warns (and fails a strict run), MAY
// informs.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
	May    Level = "MAY"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Warn         Verdict = "warn"
	Skip         Verdict = "skip"         // not configured or not applicable, or relayctl cannot
	Blocked      Verdict = "blocked"      // its control failed: nothing can be said
	Inconclusive Verdict = "inconclusive" // the network or the generator got in the way
)

// Need is something that a check cannot do without; the runner skips it, with
// the reason, where the run does not have it.
type Need string

// The needs.
const (
	NeedAuth    Need = "auth"    // credentials of any kind
	NeedOAuth   Need = "oauth"   // --auth oauth
	NeedHTTPS   Need = "https"   // an https endpoint
	NeedProbe   Need = "probe"   // --probe or --probe-cmd, and a preflight that passed
	NeedBatch   Need = "batch"   // --batch, or a probe that shows that batches are taken
	NeedRestart Need = "restart" // --restart-cmd
	NeedFault   Need = "fault"   // --fault-on and --fault-off
)

// Text is how a user gives a run what is needed.
func (n Need) Text() string {
	switch n {
	case NeedAuth:
		return "--auth"
	case NeedOAuth:
		return "--auth oauth"
	case NeedHTTPS:
		return "an https endpoint"
	case NeedProbe:
		return "--probe or --probe-cmd"
	case NeedBatch:
		return "--batch"
	case NeedRestart:
		return "--restart-cmd"
	case NeedFault:
		return "--fault-on and --fault-off"
	}
	return string(n)
}

// Trouble is why the endpoint does not even accept a plain valid event. Checks
// that have nothing to say then are blocked, so that the cause stands out.
type Trouble string

// The troubles. An endpoint that cannot be reached at all is another matter:
// no check runs.
const (
	Untrusted Trouble = "untrusted" // the TLS handshake fails
	Silent    Trouble = "silent"    // it takes the call and does not answer in time
	Refused   Trouble = "refused"   // it answers with something else than 2xx
	Tokenless Trouble = "tokenless" // the token endpoint refuses the client's credentials
)

// Check is one thing that a receiver is held to, as a value: what is listed,
// explained, documented and run. It holds no state.
type Check struct {
	ID      string // an immutable slug, "group.what"
	Aliases []string
	Level   Level
	Clause  string // of the contract, "R-401"
	Title   string // what holds, in a few words: "wrong credentials are answered 401"
	Why     string // what goes wrong in production otherwise
	How     string // what the check sends and what it looks at
	Fix     string // what to do when it fails
	Needs   []Need
	Tags    []string      // beside the group, which is the id's first part: "load", "slow"
	Alone   bool          // it disturbs others, or is disturbed: it runs by itself, after the others
	Despite []Trouble     // it has something to say even where no valid event is accepted, for these reasons
	Limit   time.Duration // the check's deadline; 0 is 30 s
	Run     func(context.Context, *Trial) Result
}

// Group is the first part of the id.
func (c *Check) Group() string {
	for i, r := range c.ID {
		if r == '.' {
			return c.ID[:i]
		}
	}
	return c.ID
}

// Result is what came of a check. Expected and Actual are for people: one
// sentence each, without a full stop.
type Result struct {
	Verdict  Verdict
	Reason   string // of skip, blocked, inconclusive and warn: why
	Expected string // all acceptable outcomes
	Actual   string // what was seen
	Fix      string // overrides the check's Fix where this failure needs another
	Repeat   string // a command that shows it: curl, or relayctl send FILE
	Subs     []Sub  // sub-results of a check that tries several things
	Duration time.Duration
}

// Sub is the part of a result that concerns one of several things tried.
type Sub struct {
	Name    string // "message.delivered"
	Verdict Verdict
	Actual  string
	Repeat  string
}

// Passed is the result of a check that holds.
func Passed() Result { return Result{Verdict: Pass} }

// Failed is the result of a check that does not hold.
func Failed(expected, actual, repeat string) Result {
	return Result{Verdict: Fail, Expected: expected, Actual: actual, Repeat: repeat}
}

// Warned is the result of a check that holds, but not as well as it should.
func Warned(expected, actual, repeat string) Result {
	return Result{Verdict: Warn, Reason: actual, Expected: expected, Actual: actual, Repeat: repeat}
}

// Skipped is the result of a check that has nothing to say here.
func Skipped(reason string) Result { return Result{Verdict: Skip, Reason: reason} }

// BlockedBy is the result of a check whose control failed.
func BlockedBy(reason string) Result { return Result{Verdict: Blocked, Reason: reason} }

// Unclear is the result of a check that something got in the way of.
func Unclear(reason string) Result { return Result{Verdict: Inconclusive, Reason: reason} }

// groups is the catalogue by group, in the order in which it is shown. To add a
// check, put a value into its group's file.
func groups() [][]Check {
	return [][]Check{
		tlsChecks(), httpChecks(), authChecks(), eventChecks(), tolerantChecks(), businessChecks(), duplicateChecks(),
		orderChecks(), retryChecks(), durableChecks(), batchChecks(), loadChecks(), robustChecks(), securityChecks(),
	}
}

// All returns the catalogue in the order in which it is shown.
func All() []Check {
	var all []Check
	for _, g := range groups() {
		all = append(all, g...)
	}
	return all
}
