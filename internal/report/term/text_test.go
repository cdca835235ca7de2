package term

import (
	"strings"
	"testing"
)

func TestIDsKeepWhatTells(t *testing.T) {
	host := "ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha"
	for id, want := range map[string]string{host: "b9818…37da7", "e1": "e1", "12345678901": "12345678901", "order-2026-01-0017": "order…-0017", strings.Repeat("\x00", 3): `\x00\…0\x00`} {
		if got := ShortID(id); got != want || Columns(got) > IDWidth {
			t.Errorf("%q is shown as %q, want %q", id, got, want)
		}
	}
}

func TestBadgesThatDoNotFitAreCounted(t *testing.T) {
	s := NewStyle(nil, ColorNever)
	badges := []string{"attempt 2/4", "late 3.2s", "early"}
	for room, want := range map[int]string{0: "", 2: "+3", 11: "attempt 2/4", 14: "attempt 2/4 +2", 27: "attempt 2/4 late 3.2s early"} {
		if got, columns := s.Badges(badges, room); got != want || columns != Columns(want) {
			t.Errorf("%d columns: %q in %d, want %q", room, got, columns, want)
		}
	}
}
