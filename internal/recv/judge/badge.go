package judge

import (
	"fmt"

	"relayctl/internal/duration"
	"relayctl/internal/event"
)

// Kinds lists the kinds of badges, as a capture and --badge have them.
func Kinds() []string {
	return []string{string(Attempt), string(Duplicate), string(Conflict), string(Late), string(Early)}
}

// String gives the badge as it is shown: "attempt 2/4", "late 3.2s".
func (b Badge) String() string {
	switch b.Kind {
	case Attempt:
		return fmt.Sprintf("attempt %d/%d", b.Attempt, event.Attempts)
	case Late:
		return "late " + duration.Text(b.By)
	}
	return string(b.Kind)
}

// BadgeTexts gives badges as a capture has them, nil for none.
func BadgeTexts(badges []Badge) []string {
	if len(badges) == 0 {
		return nil
	}
	texts := make([]string, len(badges))
	for i, b := range badges {
		texts[i] = b.String()
	}
	return texts
}
