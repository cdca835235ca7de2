package judge

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/event"
)

// BadgeKind says how an event came. To add one, give it a constant, a row in badgeRows,
// and its rule below Tracker.Observe: in observeID for what came again, in order.go for what
// came late or early.
type BadgeKind string

// The badges.
const (
	Attempt   BadgeKind = "attempt"
	Duplicate BadgeKind = "duplicate"
	Conflict  BadgeKind = "conflict"
	Late      BadgeKind = "late"
	Early     BadgeKind = "early"
)

// Badge is a verdict on how an event came.
type Badge struct {
	Kind    BadgeKind
	Attempt int           // of Attempt: which one, from 2
	By      time.Duration // of Late: how much older
	After   string        // of Early: the predecessor that had not come, "" where it is not known
}

// badgeRow is a kind of badge and what it means, as half a sentence.
type badgeRow struct {
	kind    BadgeKind
	meaning string
}

func badgeRows() []badgeRow {
	return []badgeRow{
		{Attempt, "it came again after it was not accepted (R-FOUR)"},
		{Duplicate, "it came again after a 200 (R-DUP)"},
		{Conflict, "the same event_id with other bytes (R-ID)"},
		{Late, "older than what the same customer's journey has shown (R-ORDER)"},
		{Early, "before what logically precedes it (R-ORDER)"},
	}
}

// Kinds lists the kinds of badges, as a capture and --badge have them.
func Kinds() []string {
	rows := badgeRows()
	kinds := make([]string, len(rows))
	for i, row := range rows {
		kinds[i] = string(row.kind)
	}
	return kinds
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

// Meaning explains the badge to a person, with its clause; "" for a kind that another
// program has recorded.
func (b Badge) Meaning() string {
	if b.Kind == Early && b.After != "" {
		return "before " + b.After + " (R-ORDER)"
	}
	for _, row := range badgeRows() {
		if row.kind == b.Kind {
			return row.meaning
		}
	}
	return ""
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

// parseBadges reads badges as a record has them. A kind that is not known is
// kept as it is.
func parseBadges(texts []string) []Badge {
	if len(texts) == 0 {
		return nil
	}
	badges := make([]Badge, 0, len(texts))
	for _, t := range texts {
		kind, rest, _ := strings.Cut(t, " ")
		b := Badge{Kind: BadgeKind(kind)}
		var err error
		switch b.Kind {
		case Attempt:
			n, _, _ := strings.Cut(rest, "/")
			b.Attempt, err = strconv.Atoi(n)
		case Late:
			b.By, err = time.ParseDuration(rest)
		case Duplicate, Conflict, Early:
		default:
			b.Kind = BadgeKind(t)
		}
		if err != nil {
			b = Badge{Kind: BadgeKind(t)}
		}
		badges = append(badges, b)
	}
	return badges
}
