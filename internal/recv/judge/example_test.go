package judge_test

import (
	"fmt"

	"relayctl/internal/recv/judge"
)

// An endpoint judges each request before it answers, and tells the tracker the
// answer: that decides whether the next copy is another attempt or a duplicate.
func Example() {
	tracker := judge.NewTracker()
	var judging judge.Judging
	receive := func(body string, status int) {
		judging.Judge(tracker, []byte(body))
		for _, receipt := range judging.Receipts {
			fmt.Println(receipt.Event.Name, "answered", status, receipt.Badges)
			receipt.Status = status
			tracker.Answered(receipt)
		}
		judging.Reset()
	}
	delivered := `{"event_id":"d","event_name":"notification.delivered","event_ts":"2026-01-31T12:00:05.000Z","payload":{"ccid":"1","notification_id":"n"}}`
	attempted := `{"event_id":"a","event_name":"notification.attempted","event_ts":"2026-01-31T12:00:01.800Z","payload":{"ccid":"1","notification_id":"n"}}`
	receive(delivered, 200)
	receive(attempted, 500)
	receive(attempted, 200)
	receive(attempted, 200)
	// Output:
	// notification.delivered answered 200 [early]
	// notification.attempted answered 500 [late 3.2s]
	// notification.attempted answered 200 [attempt 2/4 late 3.2s]
	// notification.attempted answered 200 [duplicate]
}
