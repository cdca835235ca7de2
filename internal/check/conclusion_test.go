package check

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What fails for another's cause stands there, and what is urgent stands first.
func TestConclusionSaysACauseOnce(t *testing.T) {
	def := func(id string, level Level, r Result) Outcome {
		return Outcome{Check: &Check{ID: id, Level: level}, Result: r}
	}
	r := Report{Outcomes: []Outcome{
		def("http.status-200", Should, Warned("200", "status 202", nil)),
		def("auth.valid", Must, Passed()),
		def("event.accept", Must, Failed("200", "message.action_taken: status 500", nil)),
		def("duplicate.sequential", Must, Failed("x", "/n is 2 instead of 1", nil)),
		def("duplicate.distinct", Must, BlockedBy("message.action_taken was not accepted: status 500")),
		def("order.converges", Must, Failed("x", "/n is 3 instead of 1", nil)),
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
	r = Report{Gone: gone, Outcomes: []Outcome{def("b.c", Must, Failed("x", gone.describe(), nil)), def("d.e", Must, Unclear(gone.describe()))}}
	if diff := cmp.Diff([]Advice{{"b.c", gone.describe(), []string{"d.e"}}}, r.Conclusion()); diff != "" {
		t.Error(diff)
	}
}
