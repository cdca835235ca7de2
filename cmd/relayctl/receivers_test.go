package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// receivers starts listeners with a capture each, and more flags. stop ends them.
func receivers(t *testing.T, captures []string, more ...string) (urls []*url.URL, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, file := range captures {
		out := newOutput()
		running.Go(func() {
			run(ctx, context.Background(), nil, append([]string{"listen", "--tls", "off", "--addr", "127.0.0.1:0", "--capture", file, "--fail-on", "never"}, more...), strings.NewReader(""), out, out, nil)
		})
		out.await(t, "http://127.0.0.1:")
		port := regexp.MustCompile(`^\d+`).FindString(out.await(t, "/"))
		u, err := url.Parse("http://127.0.0.1:" + port)
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, u)
	}
	return urls, func() {
		cancel()
		running.Wait()
	}
}

// Three receivers behind a balancer see what a single one sees: a copy that went to
// another receiver is a duplicate, and an event is late by what another one has got.
func TestSeveralReceiversAreJudgedAsOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seen := func(captures ...string) map[string]any {
		for i := range captures {
			captures[i] = filepath.Join(dir, captures[i])
		}
		urls, stop := receivers(t, captures)
		var calls atomic.Int64
		balancer := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(urls[int(calls.Add(1)-1)%len(urls)])
		}})
		defer balancer.Close()
		out, errs := newOutput(), newOutput()
		// Captures know the time to the millisecond, so the calls are further apart.
		args := []string{"send", "--records", "6", "--seed", "3", "--start", "2026-01-31T12:00:00Z", "--reorder", "0.3", "--duplicates", "0.3", "--workers", "1", "--rate", "150/s", "--to", balancer.URL}
		if code := run(t.Context(), t.Context(), nil, args, strings.NewReader(""), out, errs, nil); code != exitOK {
			t.Fatal(out.text.String(), errs.text.String())
		}
		http.DefaultClient.CloseIdleConnections()
		stop()
		out = newOutput()
		if code := run(t.Context(), t.Context(), nil, append([]string{"inspect", "--output", "json"}, captures...), strings.NewReader(""), out, errs, nil); code != exitOK {
			t.Fatal(errs.text.String())
		}
		lines := strings.Split(strings.TrimSpace(out.text.String()), "\n")
		var sum map[string]any
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil {
			t.Fatal(err)
		}
		kept := map[string]any{}
		for _, key := range []string{"accepted", "arrivals", "by_badge", "by_name", "duplicates", "late", "early", "events", "requests", "retries", "customers"} {
			kept[key] = sum[key]
		}
		return kept
	}
	one, three := seen("one.jsonl"), seen("a.jsonl", "b.jsonl", "c.jsonl")
	if diff := cmp.Diff(one, three); diff != "" {
		t.Errorf("one receiver (-), three (+):\n%s", diff)
	}
	if fmt.Sprint(one["duplicates"]) == "0" || fmt.Sprint(one["late"]) == "0" {
		t.Errorf("nothing to judge: %v", one)
	}
}

// The same plan and the same outage, ten times as fast: send and listen lose
// and delay what forecast says. An attempt at the edge of the outage may go either
// way, and so may the one that a worker makes next: two events a worker.
func TestForecastIsWhatSendDoesToListen(t *testing.T) {
	t.Parallel()
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
