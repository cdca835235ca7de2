package check

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// heal brings events again until they are accepted: a receiver may need some
// time to come back, in which nobody can connect to it.
func (t *Trial) heal(ctx context.Context, s *subject, order []int) string {
	for _, i := range order {
		why := t.accepted(ctx, s.events[i])
		for end := time.Now().Add(t.Waits.Return); why != "" && time.Now().Before(end) && wait(ctx, 100*time.Millisecond); {
			why = t.accepted(ctx, s.events[i])
		}
		if why != "" {
			return why
		}
	}
	return ""
}

// lostSubject is a customer whose events were all accepted and whose state is
// wrong.
type lostSubject struct {
	subject *subject
	wrong   string
}

// lost finds the subjects of one story whose states are not that of the clean
// history. As long as states still become right nothing is lost yet, however
// long a queue takes.
func (t *Trial) lost(ctx context.Context, subjects []*subject) (lost []lostSubject, unclear string) {
	if len(subjects) == 0 {
		return nil, "no customer's events were all accepted"
	}
	ref := t.reference(ctx, subjects[0].story)
	if ref.unclear != "" {
		return nil, ref.unclear
	}
	left, err := t.stillWrong(ctx, ref, subjects)
	patience := func() time.Duration {
		switch {
		case err == nil:
			return t.states.patience()
		case errors.Is(err, errProbeLate):
			return 0
		}
		return t.states.limit()
	}
	for changed := time.Now(); len(left) > 0 && time.Since(changed) < patience(); {
		if !wait(ctx, longestPause) {
			return nil, "the time was over"
		}
		before := len(left)
		left, err = t.stillWrong(ctx, ref, left)
		if len(left) < before {
			changed = time.Now()
		}
	}
	if err != nil || len(left) == 0 {
		return nil, errorText(err)
	}
	f := t.confirmLost(ctx, left[0], ref)
	if f.wrong == "" {
		return nil, cmp.Or(f.unclear, "what the probe shows became right only when it was looked at again")
	}
	if left, err = t.stillWrong(ctx, ref, left); err != nil {
		return nil, err.Error()
	}
	for _, s := range left {
		n, err := t.states.look(ctx, s)
		if err != nil {
			return nil, err.Error()
		}
		lost = append(lost, lostSubject{s, ref.difference(n)})
	}
	return lost, ""
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// confirmLost makes sure that a clean history still ends as it did.
func (t *Trial) confirmLost(ctx context.Context, s *subject, ref *reference) finding {
	n, err := t.states.look(ctx, s)
	if err != nil {
		return finding{unclear: err.Error()}
	}
	return t.confirm(ctx, s, n, ref, "")
}

// readers is how many states are read at once.
const readers = 8

// stillWrong reads the subjects' states and returns those that are not right, and why
// one could not be read: a page that needs the database may come back after a fault
// later than what answers.
func (t *Trial) stillWrong(ctx context.Context, ref *reference, subjects []*subject) ([]*subject, error) {
	wrong := make([]bool, len(subjects))
	errs := make([]error, len(subjects))
	var next atomic.Int64
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(subjects)); i = next.Add(1) - 1 {
				n, err := t.states.look(ctx, subjects[i])
				errs[i] = err
				wrong[i] = err != nil || !ref.has(n)
			}
		})
	}
	all.Wait()
	var left []*subject
	for i, s := range subjects {
		if wrong[i] {
			left = append(left, s)
		}
	}
	return left, cmp.Or(errs...) // one after the other they say the same
}
