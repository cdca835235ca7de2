package check_test

import (
	"slices"
	"testing"

	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
)

// A check that no flaw of the test bed makes fail could as well say nothing.
func TestEveryCheckCatchesAFlaw(t *testing.T) {
	flaws := testbed.Flaws()
	for _, c := range check.All() {
		if c.ID == "tls.https" {
			continue // the test bed is on loopback; TestPlainHTTPToOthersFails holds it
		}
		if !slices.ContainsFunc(flaws, func(f testbed.Flaw) bool { return slices.Contains(f.Fails, c.ID) }) {
			t.Errorf("%s: no flaw makes it fail", c.ID)
		}
	}
	for _, f := range flaws {
		for _, id := range f.Fails {
			if _, err := check.Find(check.All(), id); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
}
