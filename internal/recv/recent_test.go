package recv

import (
	"fmt"
	"strings"
	"testing"

	"relayctl/internal/event"
)

func TestJourneysAreInTrueOrder(t *testing.T) {
	var r recent
	add := func(c came, badges ...Badge) {
		r.add(&Receipt{Event: *c.envelope(), Status: c.status, Badges: badges})
	}
	one, two := event.Payload{CCID: "1"}, event.Payload{CustomerID: "two"}
	for i := range 2 * recentEvents {
		add(came{id: fmt.Sprint(i), payload: event.Payload{CCID: "long ago"}})
	}
	add(came{id: "b", name: "later", at: 5, payload: one, status: 200})
	add(came{id: "a", name: "earlier", at: 1, payload: one, status: 500}, Badge{Kind: Early})
	add(came{id: "x", name: "x", at: 1, payload: two, status: 401})
	add(came{id: "a", name: "earlier", at: 1, payload: one, status: 200}, Badge{Kind: AttemptBadge, Attempt: 2})
	add(came{id: "n", name: "nobody's"})
	got := r.journeys()
	got[2].Events = nil
	want := "[{1 [{a earlier 2026-01-31 12:00:01 +0000 UTC 2 true [early attempt 2/4]} {b later 2026-01-31 12:00:05 +0000 UTC 1 true []}]} " +
		"{two [{x x 2026-01-31 12:00:01 +0000 UTC 1 false []}]} {long ago []}]"
	if fmt.Sprint(got) != want {
		t.Errorf("\n got %v\nwant %s", got, want)
	}
}

func TestJourneysKeepNoLargeBody(t *testing.T) {
	var r recent
	body := strings.Repeat("x", 1<<20)
	env := event.Envelope{ID: body[:1000], Name: body[:10], Raw: []byte(body), Payload: event.Payload{CCID: body[:1000]}}
	r.add(&Receipt{Event: env})
	if e := r.ring[0]; len(e.event.ID) != recentText || len(e.customer) != recentText {
		t.Errorf("%d bytes of the id and %d of the customer are kept", len(e.event.ID), len(e.customer))
	}
}
