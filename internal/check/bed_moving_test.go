package check_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
)

// What changes by itself is left out and named, so that the run can say how the user
// leaves it out; where that is not enough, the check says so as well.
func TestWhatChangesByItselfIsNamed(t *testing.T) {
	t.Parallel()
	hint := func(s *check.Settings) {
		s.LeaveOut = func(pointers []string) string { return "leave out " + strings.Join(pointers, ",") }
	}
	run := bedRun{probe: true, only: []string{"event.effect", "duplicate.sequential"}, with: hint}
	var reads atomic.Int64
	rep := run.start(t, func(r *testbed.Receiver) {
		r.Page = func(w http.ResponseWriter, ccid string) {
			_ = json.NewEncoder(w).Encode(map[string]any{"events": r.State.Count(ccid), "read": map[string]any{"cost": reads.Add(1)}}) // the reader may be gone
		}
	})
	if rep.ReadSide == nil || rep.ReadSide.Blocked != "" || !slices.Contains(rep.ReadSide.Moving, "/read/cost") {
		t.Errorf("it is not named: %+v\n%s", rep.ReadSide, told(rep))
	}
	rep = run.start(t, func(r *testbed.Receiver) {
		r.Page = func(w http.ResponseWriter, ccid string) {
			readings := make([]int64, reads.Add(1)%97) // a list of another length each time is not taken for such a place
			_ = json.NewEncoder(w).Encode(map[string]any{"events": r.State.Count(ccid), "readings": readings})
		}
	})
	if rep.ReadSide == nil || !strings.Contains(rep.ReadSide.Blocked, "leave out ") {
		t.Errorf("the way out is not named: %+v\n%s", rep.ReadSide, told(rep))
	}
}
