package check

import "strings"

// scrub takes the run's secrets out of a text: receivers echo things.
func (e *Env) scrub(s string) string {
	for _, f := range e.secretForms() {
		if len(f.text) >= 4 {
			s = strings.ReplaceAll(s, f.text, "[redacted]")
		}
	}
	return s
}

// scrubResult scrubs all texts of a result.
func (e *Env) scrubResult(r Result) Result {
	for _, s := range []*string{&r.Reason, &r.Expected, &r.Actual, &r.Fix, &r.Repeat} {
		*s = e.scrub(*s)
	}
	for i := range r.Subs {
		r.Subs[i].Actual, r.Subs[i].Repeat = e.scrub(r.Subs[i].Actual), e.scrub(r.Subs[i].Repeat)
	}
	return r
}
