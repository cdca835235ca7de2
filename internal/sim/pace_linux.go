package sim

import (
	"time"

	"golang.org/x/sys/unix"
)

// finely sleeps by the kernel's high-resolution timer. It may wake early, by a
// signal; the caller looks at the clock again.
func finely(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil)
}
