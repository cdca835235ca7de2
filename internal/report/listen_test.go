package report

import (
	"strings"
	"testing"
	"time"

	"relayctl/internal/recv"
)

// ended is what the summary looks like on a terminal of that width, 0 for none.
func ended(t *testing.T, width int, s recv.Summary) string {
	t.Helper()
	var b strings.Builder
	st := NewStyle(&b, ColorNever)
	st.Width = width
	if err := NewListenText(&b, st, false).Finish(s, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestJourneysEndInNoBlank(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	got := ended(t, 0, recv.Summary{Journeys: []recv.RecentJourney{{Customer: "1001", Events: []recv.RecentEvent{
		{ID: "a", Name: "message.delivered", TS: at, Accepted: true},
		{ID: "b", Name: "notification.attempted", TS: at, Badges: []recv.Badge{{Kind: recv.Duplicate}}},
	}}}})
	want := "  customer 1001 in true order\n" +
		"    12:00:00.000 message.delivered              a\n" +
		"    12:00:00.000 notification.attempted         b           duplicate, not accepted\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
