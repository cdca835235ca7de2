// Package duration holds the one rule by which relayctl writes a duration, in its
// output, its notices and the badges of a capture. It knows nothing of what lasted
// so long.
package duration

import (
	"fmt"
	"strings"
	"time"
)

// Text is a duration in the digits that matter: 812µs, 9.4ms, 53ms, 1.5s, 2m30s,
// 2h. time.ParseDuration reads it, and what it read has the same text.
func Text(d time.Duration) string {
	if d < 0 {
		text := Text(d.Abs())
		if text == "0s" {
			return text
		}
		return "-" + text
	}
	// Round first: 59.97s is 1m, not 60s.
	d = d.Round(precision(d))
	switch {
	case d == 0:
		return "0s"
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 10*time.Millisecond:
		return oneDigit(float64(d.Microseconds())/1000) + "ms"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return oneDigit(d.Seconds()) + "s"
	}
	text := d.String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = strings.TrimSuffix(short+"m", "h0m") // leaves "2" of 2h0m
		if !strings.HasSuffix(text, "m") {
			text += "h"
		}
	}
	return text
}

// Millis is a duration in milliseconds with three digits after the point, as JSON has it.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// precision is the last digit of a duration that is written.
func precision(d time.Duration) time.Duration {
	switch {
	case d < time.Millisecond:
		return time.Microsecond
	case d < 10*time.Millisecond:
		return 100 * time.Microsecond
	case d < time.Second:
		return time.Millisecond
	case d < time.Minute:
		return 100 * time.Millisecond
	}
	return time.Second
}

// oneDigit writes a number with one digit after the point, but without ".0".
func oneDigit(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }
