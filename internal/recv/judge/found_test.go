package judge

import (
	"fmt"
	"strings"
	"testing"

	"relayctl/internal/event"
)

func TestSummaryNamesTheFirstFindings(t *testing.T) {
	s := NewSummary()
	add := func(name, id string, level event.Level, message string) {
		s.AddEvent(&Receipt{Event: event.Envelope{Name: name, ID: id}, Findings: []event.Finding{{Clause: "R-X", Level: level, Message: message}}})
	}
	long := strings.Repeat("x", 2*foundText)
	for i := range 3 {
		add("a", fmt.Sprint(i), event.Warning, "w1")
		add("b", fmt.Sprint(i), event.Warning, "w1")
		add("a", fmt.Sprint(i), event.Warning, long)
	}
	add("a", "4", event.Warning, "w2")
	add("a", "5", event.Warning, "w3")
	add("a", "6", event.Warning, "w4") // for which there is no place
	copied := s.Clone()
	add("a", "7", event.Error, "e1")
	add("a", "8", event.Error, "e2")
	add("a", "9", event.Error, "e1")
	text := func(s Summary) string {
		var out []string
		for _, k := range s.Found {
			out = append(out, fmt.Sprintf("%s/%s %s %s×%d", k.Name, k.First, k.Level, strings.Trim(k.Message, "x"), k.Count))
		}
		return strings.Join(out, ", ")
	}
	if got, want := text(s), "a/7 error e1×2, a/8 error e2×1, a/0 warning w1×3, b/0 warning w1×3, a/0 warning ×3"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := text(copied), "a/0 warning w1×3, b/0 warning w1×3, a/0 warning ×3, a/4 warning w2×1, a/5 warning w3×1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
