package web

import (
	"testing"

	"relayctl/internal/recv/judge"
)

func TestEveryBadgeIsExplained(t *testing.T) {
	for _, kind := range judge.Kinds() {
		if badgeTells(judge.Badge{Kind: judge.BadgeKind(kind)}) == "" {
			t.Errorf("the inspector does not say what the badge %s means", kind)
		}
	}
}
