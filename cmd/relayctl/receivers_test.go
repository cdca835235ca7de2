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
	"runtime"
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
			// Captures know the time to the millisecond. The calls come one after another,
			// and this one arrives in a later millisecond than the one before was answered.
			for begin := time.Now().UnixMilli(); time.Now().UnixMilli() == begin; {
				runtime.Gosched()
			}
			r.SetURL(urls[int(calls.Add(1)-1)%len(urls)])
		}})
		defer balancer.Close()
		out, errs := newOutput(), newOutput()
		args := []string{"send", "--records", "6", "--seed", "3", "--start", "2026-01-31T12:00:00Z", "--reorder", "0.3", "--duplicates", "0.3", "--workers", "1", "--to", balancer.URL}
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
