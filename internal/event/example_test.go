package event_test

import (
	"fmt"

	"relayctl/internal/event"
)

func Example() {
	body := `{"event_id":"A-1","event_name":"message.deliverd","event_ts":"2022-04-12","payload":{"ccid":"1002"}}`
	e, findings := event.Decode([]byte(body))
	fmt.Println(e.ID, e.Payload.CCID, "invalid:", event.Invalid(findings))
	for _, f := range findings {
		fmt.Println(f)
	}
	// Output:
	// A-1 1002 invalid: true
	// error R-TS event_ts: "2022-04-12" is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z
	// warning R-TOLERANT event_name: unknown event name "message.deliverd"; did you mean "message.delivered"?
}

func ExampleSplit() {
	shape, members, _ := event.Split([]byte(`{"batch":[{"event_id":"A-1"},{"event_id":"A-2"}]}`))
	fmt.Println(shape, len(members), string(members[1]))
	// Output: wrapped 2 {"event_id":"A-2"}
}

func ExampleAccepted() {
	fmt.Println(event.Accepted(200), event.Accepted(204), event.Accepted(401))
	// Output: true true false
}
