package report

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
)

// TestInspectFitsTheTerminal draws hostile journeys: whatever a capture holds,
// no line is wider than the terminal and nothing reaches it raw.
func TestInspectFitsTheTerminal(t *testing.T) {
	in := judge.NewInspection(capture.Filter{})
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	odd := []string{"1001", strings.Repeat("😀", 40), `\u001b]0;owned\u0007`, `\u202egnp\n\n`, strings.Repeat("long", 60)}
	for i := range 60 {
		who := odd[i%len(odd)]
		body := fmt.Sprintf(`{"event_id":"%s%d","event_name":"%s","event_ts":%q,"payload":{"ccid":"%s"}}`, who, i%40, []string{"message.delivered", who}[i%2], event.FormatTS(at.Add(-time.Duration(i)*time.Hour)), who)
		in.Add(&capture.Record{
			ReceivedAt: at.Add(time.Duration(i) * time.Minute), Method: "POST", Body: []byte(body), Status: 200 + i%7*50,
			Badges: []string{"late 3.2s", "early", "a badge that nobody\x1b[2J knows"}[:i%4],
		})
	}
	for _, width := range []int{80, 120} {
		var b strings.Builder
		st := term.NewStyle(&b, term.ColorNever)
		st.Width, st.Terminal = width, true
		out := NewInspectText(&b, st)
		js := in.Journeys(0)
		for i := range js {
			if err := out.Journey(&js[i], 5); err != nil {
				t.Fatal(err)
			}
		}
		files := []string{strings.Repeat("folder/", 30) + "\x1b[2Jcapture.jsonl", "b"}
		if err := out.Finish(Inspected{Inspection: in, Files: files, Skipped: 3, Shown: 1, Failures: []string{"1 duplicate"}}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(b.String(), "\n") {
			if w := term.Columns(line); w > width {
				t.Errorf("%d columns, not %d: %s", w, width, line)
			}
			if strings.ContainsFunc(line, term.Unsafe) {
				t.Errorf("raw: %q", line)
			}
		}
	}
}

// Where nothing limits a line, a later arrival shows all its badges, although the
// first one has none.
func TestInspectShowsEveryBadgeOfALaterArrival(t *testing.T) {
	in := judge.NewInspection(capture.Filter{})
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for i, a := range []struct {
		id     string
		ts     time.Time
		status int
	}{{"old", at, 500}, {"new", at.Add(time.Hour), 200}, {"old", at, 200}} {
		body := fmt.Sprintf(`{"event_id":%q,"event_name":"message.delivered","event_ts":%q,"payload":{"ccid":"1"}}`, a.id, event.FormatTS(a.ts))
		in.Add(&capture.Record{ReceivedAt: at.Add(time.Duration(i) * time.Second), Method: "POST", Body: []byte(body), Status: a.status})
	}
	var b strings.Builder
	if err := NewInspectText(&b, term.NewStyle(io.Discard, term.ColorNever)).Journey(&in.Journeys(0)[0], 0); err != nil {
		t.Fatal(err)
	}
	if want := "└ attempt 2/4, 2s later          #3 200 late 1h\n"; !strings.Contains(b.String(), want) {
		t.Errorf("%q is missing in\n%s", want, b.String())
	}
}
