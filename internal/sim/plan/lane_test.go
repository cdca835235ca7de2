package plan

import (
	"hash/fnv"
	"io"
	"testing"

	"pgregory.net/rapid"
)

// A lane is FNV-1a of its customer, whoever calculates it: plans of before are repeated
// with the same lanes.
func TestLaneIsFNV(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		h := fnv.New64a()
		_, _ = io.WriteString(h, text)
		if got := CustomerLane(text); got != h.Sum64() {
			rt.Errorf("%q is %x, want %x", text, got, h.Sum64())
		}
	})
}
