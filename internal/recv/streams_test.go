package recv

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// stall begins so many requests over one connection of HTTP/2, whose bodies do not
// end, and returns once each of them is under way or was refused.
func stall(t *testing.T, b *testbed, n int) (refused int) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.CertPool()}, ForceAttemptHTTP2: true, MaxConnsPerHost: 1}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait(); transport.CloseIdleConnections() })
	before := b.streams.Load()
	var ended atomic.Int64
	for range n {
		body, end := io.Pipe()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL(), body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		wg.Go(func() {
			if resp, err := transport.RoundTrip(req); err == nil {
				resp.Body.Close()
			}
			ended.Add(1)
			end.Close()
		})
		wg.Go(func() { _, _ = io.WriteString(end, "{") })
	}
	b.until("the beginning of all streams", func() bool { return b.streams.Load()-before+ended.Load() == int64(n) || poke(b) })
	return int(ended.Load())
}

// Callers who send part of a request and stall, on however many streams, keep nobody
// out.
func TestStalledStreamsKeepNobodyOut(t *testing.T) {
	lim := defaultLimits()
	lim.conns = 20
	b := startWith(t, Config{TLS: TLSAuto}, lim)
	if refused := stall(t, b, lim.conns); refused > 0 {
		t.Errorf("%d streams were refused below the limit", refused)
	}
	if got := b.post(delivered("1")); got.status != 200 {
		t.Errorf("the next caller was answered %d", got.status)
	}
}

// Callers with many streams cost others neither their connection nor an answer, though
// these were silent for longer.
func TestManyStreamsCostOthersNothing(t *testing.T) {
	t.Parallel()
	lim := defaultLimits()
	lim.conns = 20
	b := startWith(t, Config{TLS: TLSAuto}, lim)
	if got := b.post(delivered("first")); got.status != 200 {
		t.Fatalf("answered %d", got.status)
	}
	refused := 0
	for range 4 {
		refused += stall(t, b, lim.conns)
	}
	if under := int(b.streams.Load()); refused == 0 || under > 2*lim.conns {
		t.Errorf("%d streams are under way, %d were refused", under, refused)
	}
	reused := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL(), strings.NewReader(delivered("second")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if got, err := b.do(req); err != nil || got.status != 200 || !reused {
		t.Errorf("answered %d, %v; on the same connection: %v", got.status, err, reused)
	}
}
