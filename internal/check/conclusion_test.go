package check

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What fails for another's cause stands there, and what is urgent stands first.
func TestConclusionSaysACauseOnce(t *testing.T) {
	def := func(id string, level Level, r Result) Checked {
		return Checked{Check: &Check{ID: id, Level: level}, Result: r}
	}
	r := Report{Checked: []Checked{
		def("http.status-200", Should, Warned("200", "status 202", nil)),
		def("auth.valid", Must, Passed()),
		def("event.accept", Must, Failed("200", "message.action_taken: status 500", nil)),
		def("duplicate.sequential", Must, Failed("x", "/n is 2 instead of 1", nil)),
		def("duplicate.distinct", Must, BlockedBy("message.action_taken was not accepted: status 500")),
		def("order.converges", Must, Result{Verdict: Fail, Actual: "/n is 3 instead of 1", OfCopies: true}),
		def("retry.effect", Must, Unclear("the command fails")),
		def("load.no-loss", Must, Failed("x", "y", nil)),
		{Check: &Check{ID: "robust.malformed", Level: Must}, Result: Failed("x", "y", nil), Known: &Known{}},
	}}
	want := []Advice{
		{"event.accept", "message.action_taken: status 500", []string{"duplicate.distinct"}},
		{"duplicate.sequential", "/n is 2 instead of 1", []string{"order.converges", "load.no-loss"}},
		{"retry.effect", "the command fails", nil},
		{"http.status-200", "status 202", nil},
	}
	if diff := cmp.Diff(want, r.Conclusion()); diff != "" {
		t.Error(diff)
	}
	gone := &Lapse{At: time.Unix(0, 0), Check: "b.c", Event: "message.delivered", What: "refused"}
	r = Report{Gone: gone, Checked: []Checked{def("b.c", Must, Failed("x", gone.describe(), nil)), def("d.e", Must, Unclear(gone.describe()))}}
	if diff := cmp.Diff([]Advice{{"b.c", gone.describe(), []string{"d.e"}}}, r.Conclusion()); diff != "" {
		t.Error(diff)
	}
}

// What orders do stands under the check of orders that failed, and under copies only
// where it takes one.
func TestConclusionTellsOrdersFromCopies(t *testing.T) {
	failed := func(id string, copies bool) Checked {
		return Checked{Check: &Check{ID: id, Level: Must}, Result: Result{Verdict: Fail, Actual: "as " + id, OfCopies: copies}}
	}
	for _, c := range []struct {
		copies  bool
		results []string
		want    []Advice
	}{
		{false, []string{"duplicate.sequential", "duplicate.distinct", "order.fine", "order.reversed", "order.converges"}, []Advice{
			{ID: "duplicate.sequential", Text: "as duplicate.sequential"}, {ID: "duplicate.distinct", Text: "as duplicate.distinct"},
			{"order.reversed", "as order.reversed", []string{"order.fine", "order.converges"}},
		}},
		{true, []string{"duplicate.sequential", "order.fine", "order.converges"}, []Advice{
			{"duplicate.sequential", "as duplicate.sequential", []string{"order.converges"}}, {ID: "order.fine", Text: "as order.fine"},
		}},
		{false, []string{"duplicate.sequential", "order.converges"}, []Advice{
			{ID: "duplicate.sequential", Text: "as duplicate.sequential"}, {ID: "order.converges", Text: "as order.converges"},
		}},
	} {
		var r Report
		for _, id := range c.results {
			r.Checked = append(r.Checked, failed(id, c.copies))
		}
		if diff := cmp.Diff(c.want, r.Conclusion()); diff != "" {
			t.Error(diff)
		}
	}
}

// Where no valid event is accepted the reason stands once, and what an interruption
// left out is nothing to fix.
func TestConclusionOfRefusalsAndInterruptions(t *testing.T) {
	of := func(id string, r Result) Checked { return Checked{Check: &Check{ID: id, Level: Must}, Result: r} }
	const cause = "a plain valid event is not accepted: status 401"
	r := Report{Cause: cause, Checked: []Checked{
		of("auth.valid", Failed("200", "status 401", nil)), of("auth.scheme-case", BlockedBy("no spelling")),
		of("event.accept", BlockedBy("nothing can be said of the events: status 401")), of("order.accepted", Unclear(interrupted)),
	}}
	if diff := cmp.Diff([]Advice{{"auth.valid", cause, []string{"auth.scheme-case", "event.accept"}}}, r.Conclusion()); diff != "" {
		t.Error(diff)
	}
}
