package capture

import (
	"strings"
	"testing"
)

// Requests are matched by their events, attempt by attempt; what there is no memory for
// is counted.
func TestAnswersMatchAttemptByAttempt(t *testing.T) {
	rec := func(body string, status int) *Record {
		return &Record{Body: []byte(body), App: &App{Status: status, Body: []byte(`{"n":1}`), Headers: []Header{{"Date", "x"}, {"Retry-After", "1"}}}}
	}
	var a Answers
	for i, r := range []*Record{rec(`{"event_id":"a"}`, 500), rec(`{"event_id":"a"}`, 200), rec(`[{"event_id":"a"},{"event_id":"b"}]`, 200), rec(`broken`, 200)} {
		a.Add(uint64(i+1), r)
	}
	for _, want := range []struct {
		body   string
		number uint64
	}{{`{ "event_id": "a" }`, 1}, {`{"event_id":"a"}`, 2}, {`{"batch":[{"event_id":"a"},{"event_id":"b"}]}`, 3}, {`{"event_id":"a"}`, 0}, {`broken `, 0}, {`broken`, 4}} {
		pairing := map[string]Pairing{`{"event_id":"a"}`: Further, `broken `: Alone}[want.body]
		if want.number > 0 {
			pairing = Paired
		}
		if got, how := a.Match(rec(want.body, 200)); got.Number != want.number || how != pairing {
			t.Errorf("%s matches %d (%d), want %d (%d)", want.body, got.Number, how, want.number, pairing)
		}
	}
	for i, r := range []*Record{rec(`{"event_id":"a"}`, 500), rec(`{"event_id":"c"}`, 200)} {
		a.Add(uint64(i+5), r)
	}
	if alone, further := a.Left(); alone != 1 || further != 1 {
		t.Errorf("%d and %d left", alone, further)
	}
	b := rec(``, 503)
	b.App.Headers = []Header{{"Date", "y"}, {"Retry-After", "2"}}
	var parts []string
	for _, d := range DiffAnswers(rec(``, 500), b) {
		parts = append(parts, d.Part+" "+d.Path)
	}
	if got := strings.Join(parts, ", "); got != "answer status, header Retry-After" {
		t.Error(got)
	}
	small := Answers{MaxBytes: 2000}
	for i := range uint64(5) {
		small.Add(i, rec(`{"event_id":"a"}`, 200))
	}
	if alone, _ := small.Left(); small.Dropped != 2 || alone != 3 {
		t.Errorf("%d dropped, %d held", small.Dropped, alone)
	}
}
