// Package sim is Relay at work: the Sender takes a plan's deliveries and makes
// their attempts, with Relay's workers, retries and pace.
//
// Begin at Sender.Run in sender.go: enqueue queues the deliveries, work in
// worker.go makes the attempts, the ledger hands what happened to the observer
// and the Summary. What is sent is made in sim/plan, and one call is sim/wire's.
package sim

import (
	"time"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// Attempt is one try to make a delivery, and what came of it. It is one HTTP call, or two where
// a token was renewed, or none where no token was to be had.
type Attempt struct {
	Delivery *plan.Delivery // read only; valid during the observer's call
	Number   int            // from 1
	Of       int            // attempts at most (R-FOUR)
	// Intended is when the call was due by the open-loop schedule and the retry
	// delays; SentAt is when it went out. Latency is measured from Intended.
	Intended time.Time
	SentAt   time.Time
	Latency  time.Duration // from Intended to the answer's end
	Took     time.Duration // from SentAt to the answer's end
	Status   int           // the HTTP status, 0 when there was none or it was dropped
	Failure  wire.Failure  // "" when there was an answer
	Detail   string        // the failure's cause, free of secrets
	Answer   []byte        // the first bytes of the body of an answer other than 2xx; nil for none
	// LostAck says that the endpoint did answer, with LostStatus, and that the
	// answer was dropped on purpose: Failure is then Timeout (R-DUP).
	LostAck    bool
	LostStatus int
	// Renewed says that the first answer was 401 and the call was made once more
	// with a new token, as part of the same attempt (R-AUTH-OAUTH).
	Renewed bool
	// Requests is how many requests went out, wholly or in part: 0 where there was no
	// connection, 2 where the token was renewed.
	Requests int
	// What comes next: another attempt after the wait RetryIn, or the outcome.
	Retry   bool
	RetryIn time.Duration // scaled by the time scale
	Outcome OutcomeKind   // set when Retry is false

	noRetry bool // the token endpoint refused, and would refuse again
}

// OutcomeKind is how a delivery ended.
type OutcomeKind string

// The outcomes.
const (
	Accepted OutcomeKind = "accepted"
	GivenUp  OutcomeKind = "given-up" // the last attempt failed as well (R-FOUR)
	Refused  OutcomeKind = "refused"  // a status that is not retried (R-401, R-RETRY-ONLY)
	Skipped  OutcomeKind = "skipped"  // not sent: the journal says that it was accepted before, or the run ended
)

// Outcome is the end of a delivery.
type Outcome struct {
	Delivery       *plan.Delivery // read only; valid during the observer's call
	Kind           OutcomeKind
	Attempts       int
	Status         int          // of the last attempt
	Failure        wire.Failure // of the last attempt
	Answer         []byte       // of the last attempt
	Reason         string       // for people: why it was refused, given up or skipped
	First          time.Time    // when the first attempt was due
	At             time.Time    // when it was decided
	AcceptedBefore bool         // skipped because an earlier run had it accepted
}

// Observer is told everything that a Sender does: from one goroutine, and for each lane in
// the order in which it happened. The pointers are valid only during the call. A slow
// observer slows the run down, so it must not wait for a terminal.
type Observer interface {
	Attempt(*Attempt)
	Outcome(*Outcome)
}

// Flusher is an Observer that holds output back. Flush is called from the same goroutine
// when the observer has been told all that happened so far, at most a few hundred times a
// second.
type Flusher interface{ Flush() }
