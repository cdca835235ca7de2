//go:build heavy

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// With the same plan and the same outage, ten times as fast, send and listen lose and delay
// what forecast says. Tests of sim/forecast compare the model with the sender on virtual
// time; this one uses real sockets. An attempt at the edge of the outage may go either way,
// and so may the next one of its worker: two events a worker.
func TestForecastIsWhatSendDoesToListen(t *testing.T) {
	const scale, workers, bound = 0.1, 4, 2 * 4
	urls, stop := receivers(t, []string{filepath.Join(t.TempDir(), "c.jsonl")}, "--respond", "500@800ms..2400ms")
	ready := time.Now()
	flags := []string{"--records", "250", "--seed", "9", "--start", "2026-01-31T12:00:00Z", "--workers", fmt.Sprint(workers), "--retry-delays", "500ms,700ms,1s", "--events", "notification_channel.add,message.delivered", "--output", "json"}
	said := func(args ...string) []string {
		out, errs := newOutput(), newOutput()
		if code := run(t.Context(), t.Context(), nil, append(args, flags...), strings.NewReader(""), out, errs, nil); code > exitFellShort {
			t.Fatal(errs.text.String())
		}
		return strings.Split(strings.TrimSpace(out.text.String()), "\n")
	}
	lines := said("send", "--pace", "original", "--time-scale", fmt.Sprint(scale), "--to", urls[0].String())
	stop()
	lost, retried, began := map[string]int{}, 0, time.Time{}
	var took []float64 // of retries, which do not wait for their worker
	for _, line := range lines[:len(lines)-1] {
		var l struct {
			Type     string    `json:"type"`
			Name     string    `json:"event_name"`
			Outcome  string    `json:"outcome"`
			Attempts int       `json:"attempts"`
			Number   int       `json:"attempt"`
			Latency  float64   `json:"latency_ms"`
			Intended time.Time `json:"intended_at"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Number > 1 {
			took = append(took, l.Latency)
		}
		switch {
		case l.Type == "attempt" && (began.IsZero() || l.Intended.Before(began)):
			began = l.Intended
		case l.Type == "delivery" && l.Outcome == "given-up":
			lost[l.Name]++
		case l.Type == "delivery" && l.Attempts > 1:
			retried++
		}
	}
	virtual := func(after time.Duration) string {
		return time.Duration(float64(after-began.Sub(ready)) / scale).Round(time.Millisecond).String()
	}
	var f struct {
		Lost    int `json:"lost"`
		Retried int `json:"retried"`
		ByEvent []struct {
			Name string `json:"event_name"`
			Lost int    `json:"lost"`
		} `json:"by_event"`
	}
	slices.Sort(took)
	latency := time.Duration(took[len(took)/2] * float64(time.Millisecond) / scale)
	line := said("forecast", "--outage", virtual(800*time.Millisecond)+".."+virtual(2400*time.Millisecond), "--latency", latency.String())
	if err := json.Unmarshal([]byte(line[0]), &f); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, c := range f.ByEvent {
		total += lost[c.Name]
		if d := c.Lost - lost[c.Name]; d > bound || d < -bound {
			t.Errorf("%s: %d lost, the forecast has %d", c.Name, lost[c.Name], c.Lost)
		}
	}
	if d := f.Lost - total; d > bound || d < -bound || total < workers {
		t.Errorf("%d lost, the forecast has %d", total, f.Lost)
	}
	if d := f.Retried - retried; d > bound || d < -bound {
		t.Errorf("%d accepted after a retry, the forecast has %d", retried, f.Retried)
	}
	t.Logf("lost %d, forecast %d; after a retry %d, forecast %d; latency %v", total, f.Lost, retried, f.Retried, latency)
}
