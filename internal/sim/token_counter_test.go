package sim

import (
	"testing"

	"relayctl/internal/auth"
)

func TestATokenIsCountedOnce(t *testing.T) {
	var c tokenCounter
	old, renewed := []auth.Header{{Name: "Authorization", Value: "a"}}, []auth.Header{{Name: "Authorization", Value: "b"}}
	for _, signed := range [][]auth.Header{nil, old, old, renewed, old, renewed} {
		c.saw(signed)
	}
	if n := c.n.Load(); n != 2 {
		t.Errorf("counted %d tokens, want 2", n)
	}
}
