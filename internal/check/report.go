package check

import (
	"time"
)

// Report is what came of a run: all that renderers show and exit codes say.
type Report struct {
	Target    string // without secrets
	RunID     string
	Seed      uint64
	StartedAt time.Time
	Duration  time.Duration
	Strict    bool
	// Cause is why no valid event was accepted, "" when one was: the first thing
	// to mend, for everything else follows from it.
	Cause       string
	Unreachable bool // nothing was checked: the endpoint cannot be reached
	Interrupted bool
	Gone        *Lapse    // when the endpoint stopped answering, nil where it answers to the end
	ReadSide    *ReadSide // nil where no check needed the probe
	Checked     []Checked // in the order of the catalogue
	// Stale is what is to be mended in the baseline: it fails the run.
	Stale []string
}

// Checked is a check and its result in a run.
type Checked struct {
	Check *Check
	Result
	Known *Known // the baseline's entry of a check that does not hold, nil where there is none
	Flaky string // "2/5": so many of its runs failed, and not all
}

// Failed says whether the result fails the run.
func (o *Checked) Failed() bool { return o.Verdict == Fail && o.Known == nil }

// interrupted is the reason of what was not done when a run was interrupted.
const interrupted = "the run was interrupted"

// Interrupted says whether the check was not done when the run was interrupted: there
// is nothing to fix.
func (o *Checked) Interrupted() bool { return o.Verdict == Inconclusive && o.Reason == interrupted }

// Fix is what to do about it.
func (o *Checked) Fix() string {
	if o.Result.Fix != "" {
		return o.Result.Fix
	}
	return o.Check.Fix
}

// Status is the verdict of a whole run.
type Status string

// The statuses.
const (
	Green        Status = "green"        // everything that has to hold was seen to hold
	Red          Status = "red"          // the endpoint fell short
	Unchecked    Status = "unchecked"    // nothing was checked, which is not green
	NothingKnown Status = "inconclusive" // noEndpoint, or nothing can be said of what has to hold
	Stopped      Status = "interrupted"
)

// Count counts the results with that verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for i := range r.Checked {
		if r.Checked[i].Verdict == v {
			n++
		}
	}
	return n
}

// Failures counts the results that fail the run: not the known ones.
func (r *Report) Failures() int {
	n := 0
	for i := range r.Checked {
		if r.Checked[i].Failed() {
			n++
		}
	}
	return n
}

// KnownFailures counts the results that the baseline excuses.
func (r *Report) KnownFailures() int {
	n := 0
	for i := range r.Checked {
		if r.Checked[i].Known != nil {
			n++
		}
	}
	return n
}

// Undecided counts the inconclusive checks that count in the run: MUST, and
// SHOULD in a strict one.
func (r *Report) Undecided() int {
	n := 0
	for i := range r.Checked {
		if o := &r.Checked[i]; o.Verdict == Inconclusive && (o.Check.Level == Must || o.Check.Level == Should && r.Strict) {
			n++
		}
	}
	return n
}

// Status computes the verdict of the run. Blocked checks make it red: an event
// that is to be accepted was not. Where nothing can be said of a check that
// counts, nothing can be said of the run.
func (r *Report) Status() Status {
	decided := r.Count(Pass) + r.Count(Warn) + r.Count(Fail)
	switch {
	case r.Interrupted:
		return Stopped
	case r.Unreachable:
		return NothingKnown
	case r.Gone != nil, r.Failures() > 0, r.Count(Blocked) > 0, len(r.Stale) > 0:
		return Red
	case r.Undecided() > 0:
		return NothingKnown
	case decided > 0:
		return Green
	case r.Count(Inconclusive) > 0:
		return NothingKnown
	}
	return Unchecked
}
