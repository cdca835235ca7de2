//go:build !linux

package sim

import "time"

// finely sleeps as exactly as Go does here.
func finely(d time.Duration) { time.Sleep(d) }
