package judge

import (
	"fmt"
	"strings"
	"testing"

	"relayctl/internal/event"
)

// add gives journeys an event that came.
func add(j *Journeys, c came, badges ...Badge) {
	j.Add(&Receipt{Event: *c.envelope(), Status: c.status, Badges: badges}, false)
}

func TestLastJourneysAreInTrueOrder(t *testing.T) {
	j := NewJourneys(64)
	one, two := event.Payload{CCID: "1"}, event.Payload{CustomerID: "two"}
	for i := range 100 {
		add(j, came{id: fmt.Sprint(i), payload: event.Payload{CCID: "long ago"}})
	}
	add(j, came{id: "b", name: "later", at: 5, payload: one, status: 200})
	add(j, came{id: "a", name: "earlier", at: 1, payload: one, status: 500}, Badge{Kind: Early})
	add(j, came{id: "x", name: "x", at: 3, payload: two, status: 401})
	add(j, came{id: "a", name: "earlier", at: 1, payload: one, status: 200}, Badge{Kind: Attempt, Attempt: 2})
	add(j, came{id: "n", name: "nobody's"})
	var got []string
	for _, last := range j.Last(2) {
		text := last.Customer + ":"
		for _, e := range last.Events {
			text += fmt.Sprintf(" %s%d %v %v", e.ID, len(e.Arrivals), e.Accepted(), e.Badges())
		}
		got = append(got, text)
	}
	if text := strings.Join(got, "; "); text != "1: a2 true [early attempt 2/4] b1 true []; two: x1 false []" {
		t.Error(text)
	}
	if j.held > 64 || len(j.Last(0)) != 3 {
		t.Errorf("%d receipts of %d customers are held", j.held, len(j.Last(0)))
	}
}

func TestJourneysKeepNoLargeText(t *testing.T) {
	j := NewJourneys(64)
	long := strings.Repeat("x", 1<<20)
	for range 2 {
		add(j, came{id: long, name: long, payload: event.Payload{CCID: long}})
	}
	last := j.Last(0)
	if e := last[0].Events[0]; len(last) != 1 || len(e.ID) != mostText || len(e.Name) != mostText || len(last[0].Customer) != mostText || len(e.Arrivals) != 2 {
		t.Errorf("%d bytes of the id and %d of the customer are kept", len(e.ID), len(last[0].Customer))
	}
}
