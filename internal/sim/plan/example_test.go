package plan_test

import (
	"fmt"
	"time"

	"relayctl/internal/sim/plan"
)

// The same seed and start make the same plan again, byte for byte.
func ExampleNew() {
	stream, err := plan.New(plan.Config{
		Sources: []plan.Source{{Kind: plan.NamedEvent, Name: "message.delivered"}},
		Count:   3,
		Seed:    1,
		Start:   time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for d, err := range stream {
		if err != nil {
			fmt.Println(err)
			return
		}
		e := d.Events[0]
		fmt.Println(d.Arrives, e.Name, e.CCID, e.TS.Format(time.TimeOnly))
	}
	// Output:
	// 0s message.delivered 1001 12:00:00
	// 1s message.delivered 1002 12:00:01
	// 2s message.delivered 1003 12:00:02
}

// The receipt arrives before the event that it follows, and the last event twice.
func ExampleParseScenario() {
	sc, err := plan.ParseScenario("overtaken.yaml", []byte(`
steps:
  - event: notification.attempted
  - event: notification.delivered
    at: 4s
    arrives: -2s
  - event: notification.auth_link_clicked
    at: 9s
    copies: 2
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	stream, _ := plan.New(plan.Config{Sources: []plan.Source{{Kind: plan.ScenarioFile, Scenario: sc}}})
	for d := range stream {
		fmt.Println(d.Arrives, d.Events[0].Name, d.Copy)
	}
	// Output:
	// -2s notification.delivered 0
	// 0s notification.attempted 0
	// 9s notification.auth_link_clicked 0
	// 9s notification.auth_link_clicked 1
}
