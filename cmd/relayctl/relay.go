package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/event"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// relayOptions are the flags that say how Relay delivers; send and forecast
// share them.
type relayOptions struct {
	attempts    int
	retryDelays string
	retryOn     string
	timeout     time.Duration
	rate        string
	workers     int
	spread      bool
}

func (o *relayOptions) relayFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.attempts, "attempts", event.Attempts, "attempts in total (R-FOUR)")
	f.StringVar(&o.retryDelays, "retry-delays", event.RetryDelayList, "waits between the attempts (R-DELAYS, assumed)")
	f.StringVar(&o.retryOn, "retry-on", sim.DefaultRetryOn, "what is sent again: statuses, 5xx, timeout, connect, cut, tls, token, or none (only 500 and timeout are documented; R-RETRY-ONLY, R-CONNECT, assumed)")
	f.DurationVar(&o.timeout, "timeout", event.Deadline, "deadline of a call (R-DEADLINE, assumed)")
	f.IntVar(&o.workers, "workers", 4, "serial workers; a customer stays with one (R-WORKERS, assumed)")
	f.BoolVar(&o.spread, "spread", false, "give each delivery to the next free worker: newer events overtake a retry")
	f.StringVar(&o.rate, "rate", "", "open-loop `pace` in calls, such as 50/s or 5000/m: due times never move, so a slow endpoint makes calls queue and latencies, measured from the due time, grow; --workers bounds how many are under way (unlimited unless given)")
	within(cmd, "1", "100", "attempts")
	within(cmd, "1", "10000", "workers")
	within(cmd, "1ns", "1h", "timeout")
	words(cmd, "retry-on", "500", "5xx", "timeout", "connect", "cut", "tls", "token")
}

// senderConfig makes the sender's part of the flags.
func (o *relayOptions) senderConfig() (s sim.SenderConfig, err error) {
	s = sim.SenderConfig{Attempts: o.attempts, Timeout: o.timeout, Workers: o.workers, Spread: o.spread}
	if s.RetryDelays, err = sim.ParseDelays(o.retryDelays); err != nil {
		return s, fmt.Errorf("--%w", err)
	}
	if s.RetryOn, err = sim.ParseRetryOn(o.retryOn); err != nil {
		return s, fmt.Errorf("--%w", err)
	}
	if o.rate != "" {
		if s.Rate, err = sim.ParseRate(o.rate); err != nil {
			return s, fmt.Errorf("--rate: %w", err)
		}
	}
	return s, nil
}

// disorderOptions are the flags that put deliveries together and out of order.
type disorderOptions struct {
	batch         int
	batchShape    string
	reorder       float64
	reorderWindow time.Duration
	duplicates    float64
	lostAcks      float64
}

// disorderHeading is the heading of more flags that decide the plan.
const disorderHeading = "Batches and disorder"

func (o *disorderOptions) disorderFlags(cmd *cobra.Command) {
	defer group(cmd, disorderHeading)()
	f := cmd.Flags()
	f.IntVar(&o.batch, "batch", 0, "events a call; single calls unless given (R-BATCH; Relay's size is not documented: 50 is assumed, R-BATCH-SIZE)")
	batchShapeFlag(cmd, &o.batchShape)
	f.Float64Var(&o.reorder, "reorder", 0, "`share` of the deliveries that arrives late, 0 to 1 (R-ORDER)")
	f.DurationVar(&o.reorderWindow, "reorder-window", 30*time.Second, "how late such a delivery may be, in event time")
	f.Float64Var(&o.duplicates, "duplicates", 0, "`share` that is delivered again later, byte-identical (R-DUP, assumed)")
	f.Float64Var(&o.lostAcks, "lost-acks", 0, "`share` whose first answer is dropped, so that the event comes again (R-DUP, assumed)")
	within(cmd, "1", "10000", "batch")
	within(cmd, "0", "8760h", "reorder-window")
	within(cmd, "0", "1", "reorder", "duplicates", "lost-acks")
	needs(cmd, "batch", "batch-shape")
	needs(cmd, "reorder", "reorder-window")
}

// disorder makes the plan's part of the flags.
func (o *disorderOptions) disorder(c *plan.Config) {
	c.Reorder, c.ReorderWindow, c.Duplicates, c.LostAcks = o.reorder, o.reorderWindow, o.duplicates, o.lostAcks
	c.Batch, c.BatchShape = o.batch, event.Shape(o.batchShape)
}

// batchShapeFlag declares --batch-shape, which check has too.
func batchShapeFlag(cmd *cobra.Command, into *string) {
	choiceFlag(cmd, into, "batch-shape", "", `array, or wrapped in {"batch":[…]} (R-BATCH-BODY, assumed)`, string(event.Array), string(event.Wrapped))
}
