package check_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
)

// mostHung is how many calls of a whole run a receiver that hangs may leave without
// an answer. With the sixteen that come at once it cannot be few; asked about one by
// one, the events of its kind would be hundreds.
const mostHung = 200

// What a receiver does not answer is named by the check that is about it, and asked
// about a few times only. The plain run tries some with the checks that name them.
func TestHangs(t *testing.T) { hangs(t, "one-name", "wrong-credentials", "batches", "at-once") }

// hangs runs the suite against receivers that hang; those that are named with the
// checks of their group alone.
func hangs(t *testing.T, names ...string) {
	t.Parallel()
	for _, h := range testbed.Hangs() {
		if len(names) > 0 && !slices.Contains(names, h.Name) {
			continue
		}
		t.Run(h.Name, func(t *testing.T) {
			t.Parallel()
			run := bedRun{probe: true, batch: 50, skip: []string{"slow"}, with: func(s *check.Settings) { s.Timeout = 1500 * time.Millisecond }}
			if len(names) > 0 {
				group, _, _ := strings.Cut(h.Named, ".")
				run.only = []string{group}
			}
			rep := run.start(t, h.Break)
			if n := h.Hung.Load(); n > mostHung {
				t.Errorf("%d calls were not answered", n)
			}
			named := rep.Gone != nil
			for i := range rep.Checked {
				o := &rep.Checked[i]
				// Relay's own examples are of customers whom nobody introduced, among others.
				about := o.Check.ID == h.Named || o.Check.ID == "event.samples"
				named = named || o.Verdict == check.Fail && about && strings.Contains(o.Actual, "no answer within")
			}
			if !named || rep.Status() != check.Red {
				t.Errorf("%s (%s) is not named by %s:\n%s", h.Name, h.Story, h.Named, told(rep))
			}
		})
	}
}
