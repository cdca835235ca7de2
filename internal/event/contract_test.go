package event

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAccepted(t *testing.T) {
	for status, want := range map[int]bool{0: false, 100: false, 199: false, 200: true, 204: true, 299: true, 300: false, 401: false, 500: false} {
		if Accepted(status) != want {
			t.Errorf("Accepted(%d) = %v", status, !want)
		}
	}
}

func TestRetryDelaysAgreeWithTheirList(t *testing.T) {
	var written []time.Duration
	for item := range strings.SplitSeq(RetryDelayList, ",") {
		d, err := time.ParseDuration(item)
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, d)
	}
	if got := RetryDelays(); !slices.Equal(got, written) || len(got) != Attempts-1 {
		t.Errorf("RetryDelays() = %v, the list says %v", got, written)
	}
}
