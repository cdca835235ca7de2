package forecast

import (
	"testing"
	"time"

	"relayctl/internal/sim/plan"
)

// hour is an hour of downtime in the middle of a campaign, with all settings of
// the table.
func hour(records uint64) (Config, plan.Config) {
	c := Config{
		Endpoint: Endpoint{Latency: 50 * time.Millisecond, Outage: Refusal{After: 50 * time.Millisecond, Retried: true}},
		Relay:    Relay{Workers: 4, Attempts: 4, Delays: []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute}, Timeout: 10 * time.Second, RetryTimeout: true},
		Due:      func(_ int, arrives time.Duration) time.Duration { return arrives },
	}
	middle := time.Duration(records) * 50 * time.Millisecond
	c.Endpoint.Outages = []Window{{middle, middle + time.Hour}}
	return c, plan.Config{Records: records, Outline: true, Seed: 1, Start: time.Unix(1e9, 0)}
}

func always() bool { return true }

func BenchmarkForecast(b *testing.B) {
	c, p := hour(uint64(b.N))
	stream, err := plan.New(p)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	if _, err := Run(c, stream, always); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOutline(b *testing.B) {
	_, p := hour(uint64(b.N))
	stream, err := plan.New(p)
	if err != nil {
		b.Fatal(err)
	}
	for range stream {
	}
}
