// Package check is the conformance suite of a webhook receiver: it sends events
// as Relay does, looks at the answers and, through a probe, at the receiver's
// state, and says what does not hold.
//
// Begin with Check in this file, then read one group: group_order.go is a good
// one. A new check is a value in its group's file, group_*.go, with a good and a
// flawed receiver in testbed. What a check acts with:
//
//   - Trial (run.go) is one check's run: it makes customers and events (events.go,
//     story.go), delivers them as Relay does (caller.go), and judges the answers
//     between plain events that must be accepted (judge.go).
//   - With a probe, reference.go compares the state of one customer with that of
//     others to whom the same happened (ends), readside.go watches the states
//     and sizes its waits from what was seen, and internal/check/state compares.
//     No model of the receiver is needed.
//   - Settings is what a run is told and does not change; Waits in it is how long
//     a run waits for what may still come; run is what the checks find out and
//     share; Runner runs them and Report is the verdict.
//
// The package knows nothing of flags, files and curl: a Result says as data what
// is missing (Need) and what shows a failure again (Repeat), and internal/report
// words it. It never imports recv, and it holds no model of a receiver.
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

// Need is something that a check cannot do without: where the run does not have
// it, the check is skipped.
type Need string

// The needs.
const (
	NeedAuth    Need = "auth"    // credentials of any kind
	NeedOAuth   Need = "oauth"   // OAuth client credentials
	NeedHTTPS   Need = "https"   // an https endpoint
	NeedProbe   Need = "probe"   // a probe that shows what events do
	NeedBatch   Need = "batch"   // batching is configured, or a probe shows that batches are taken
	NeedRestart Need = "restart" // a command that restarts the receiver
	NeedFault   Need = "fault"   // commands that make the receiver fail, and work again
)

// Obstacle is why the endpoint does not even accept a plain valid event. Checks
// that have nothing to say then are blocked, so that the cause stands out.
type Obstacle string

// The obstacles.
const (
	TLSFails    Obstacle = "tls"          // the TLS handshake fails
	NoAnswer    Obstacle = "no answer"    // it takes the call and does not answer in time
	NotAccepted Obstacle = "not accepted" // it answers, but not with 2xx
	NoToken     Obstacle = "no token"     // the token endpoint refuses the client's credentials
	noEndpoint  Obstacle = "no endpoint"  // it cannot be reached: no check runs
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
	Last    bool          // with Alone: after all others, for it looks at what a whole run leaves behind
	Despite []Obstacle    // it also runs where no valid event is accepted for one of these reasons
	Limit   time.Duration // the check's deadline; 0 is a minute
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

// groups is the catalogue by group, in the order in which it is shown. To add a
// check, put a value into its group's file.
func groups() [][]Check {
	return [][]Check{
		tlsChecks(), httpChecks(), authChecks(), eventChecks(), tolerantChecks(), businessChecks(), duplicateChecks(),
		orderChecks(), concurrentChecks(), isolationChecks(), retryChecks(), durableChecks(), batchChecks(), loadChecks(), robustChecks(), securityChecks(),
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
