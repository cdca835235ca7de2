package outage

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestChangesAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watch
		if lasted, failed := w.Work(); failed != 0 || lasted != 0 {
			t.Errorf("an outage of %s before any failure", lasted)
		}
		for i := range 3 {
			if first := w.Fail(); first != (i == 0) {
				t.Errorf("failure %d is the first one: %v", i, first)
			}
			time.Sleep(time.Minute)
		}
		if w.Failed() != 3 {
			t.Errorf("%d failed", w.Failed())
		}
		if lasted, failed := w.Work(); lasted != 3*time.Minute || failed != 3 {
			t.Errorf("%d failed in %s", failed, lasted)
		}
		if _, failed := w.Work(); failed != 0 || w.Failed() != 3 || !w.Fail() {
			t.Error("the end of the outage is told again")
		}
	})
}
