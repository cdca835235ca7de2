package localca

import (
	"testing"
	"time"
)

func TestLeafIsRenewedWhileServing(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	l := &leaves{ca: a, names: []string{"localhost"}, now: func() time.Time { return now }}
	serial := func() string {
		leaf, err := l.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		if left := leaf.Leaf.NotAfter.Sub(now); left < leafRenew {
			t.Errorf("%s left", left)
		}
		return leaf.Leaf.SerialNumber.String()
	}
	first := serial()
	now = now.Add(leafLife - leafRenew - time.Hour)
	if serial() != first {
		t.Error("renewed too early")
	}
	now = now.Add(2 * time.Hour)
	if serial() == first {
		t.Error("not renewed")
	}
}
