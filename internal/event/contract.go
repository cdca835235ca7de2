package event

import "time"

// Attempts is how often Relay makes a call in total before it gives up and
// moves on to the next event (R-FOUR).
const Attempts = 4

// What Relay does not document. These are defaults that users can change, and
// help and reports call them assumed.
const (
	Deadline  = 10 * time.Second // when a call without an answer times out (R-DEADLINE)
	BatchSize = 50               // events in a batch (R-BATCH-SIZE)
	// RetryDelayList is RetryDelays as flags and files write it.
	RetryDelayList = "10s,30s,2m"
)

// RetryDelays returns the waits between the attempts (R-DELAYS, assumed). The
// caller owns the slice.
func RetryDelays() []time.Duration {
	return []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute}
}

// Accepted says whether an answer's status means that the event was accepted:
// 200 as documented, another 2xx as assumed (R-2XX). 0, for no answer,
// is not accepted.
func Accepted(status int) bool { return status >= 200 && status <= 299 }
