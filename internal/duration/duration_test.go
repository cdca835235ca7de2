package duration

import (
	"testing"
	"time"
)

func TestTextHasTheDigitsThatMatter(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0: "0s", 812 * time.Microsecond: "812µs", time.Millisecond: "1ms", 9400 * time.Microsecond: "9.4ms", 53 * time.Millisecond: "53ms",
		1500 * time.Millisecond: "1.5s", 10 * time.Second: "10s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", 2 * time.Hour: "2h", 20 * time.Hour: "20h",
		2*time.Hour + 30*time.Minute: "2h30m", 2*time.Hour + time.Second: "2h0m1s",
		1: "0s", -1: "0s", -3 * time.Second: "-3s", 999_999 * time.Nanosecond: "1ms", 59_970 * time.Millisecond: "1m", 9_960 * time.Microsecond: "10ms",
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%v) = %s, want %s", int64(in), got, want)
		}
	}
}

// What was written once is written in the same way when it is read and written again.
func FuzzText(f *testing.F) {
	for _, d := range []time.Duration{0, 1, 999_999, 9_960_000, 59_970_000_000, 3_599_999_999_999, -1, 1<<63 - 1, -1 << 63} {
		f.Add(int64(d))
	}
	f.Fuzz(func(t *testing.T, n int64) {
		once := Text(time.Duration(n))
		read, err := time.ParseDuration(once)
		if err != nil {
			t.Fatalf("%d is written as %q: %v", n, once, err)
		}
		if twice := Text(read); twice != once {
			t.Errorf("%d is written as %q, and that as %q", n, once, twice)
		}
	})
}
