package sim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// An endpoint that answers 500 once gets the event again.
func ExampleSender_Run() {
	var calls atomic.Int32
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer endpoint.Close()

	retryOn, err := sim.ParseRetryOn(sim.DefaultRetryOn)
	if err != nil {
		fmt.Println(err)
		return
	}
	sender, err := sim.NewSender(sim.SenderConfig{URL: endpoint.URL, RetryOn: retryOn, Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	stream, err := plan.New(plan.Config{Records: 1, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	sum, err := sender.Run(context.Background(), stream, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sum.Accepted == sum.Events, sum.Attempts-sum.Events, sum.Retried, sum.Statuses[500])
	// Output: true 1 1 1
}
