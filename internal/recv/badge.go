package recv

import (
	"fmt"
	"time"
)

// maxAttempts is how often Relay tries (R-FOUR).
const maxAttempts = 4

func (b Badge) text() string {
	switch b.Kind {
	case AttemptBadge:
		return fmt.Sprintf("attempt %d/%d", b.Attempt, maxAttempts)
	case Late:
		return "late " + shortDuration(b.By)
	}
	return string(b.Kind)
}

// shortDuration keeps a badge short: two digits that matter.
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
