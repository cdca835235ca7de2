package plan

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A plan of which nothing is delivered is not read to its end once ctx has ended.
func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pulls := 0
	for _, err := range until(ctx, func(yield func(int, error) bool) {
		for yield(pulls, nil) {
			pulls++
		}
	}) {
		if pulls == 2 {
			cancel()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if pulls != 3 {
		t.Errorf("%d were pulled", pulls)
	}
	if err := (Config{Records: 1000, Start: time.Now()}).Check(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
