package recv

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

// BenchmarkServe measures a request on keep-alive connections of loopback, its
// client included: what a bare handler takes, and what the receiver takes.
func BenchmarkServe(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })}
		done := make(chan error, 1)
		go func() { done <- s.Serve(l) }()
		calls(b, l.Addr().String())
		s.Close()
		<-done
	})
	b.Run("receiver", func(b *testing.B) {
		quiet, err := event.ParseFilter("account.deactivate")
		if err != nil {
			b.Fatal(err)
		}
		r, err := New(Config{Addr: "127.0.0.1:0", TLS: TLSOff, Observed: quiet, Observe: func(*judge.Receipt) {}})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- r.Serve(ctx) }()
		calls(b, r.conns.Addr().String())
		cancel()
		<-done
	})
}

// calls makes b.N requests on 16 connections, each with another event.
func calls(b *testing.B, addr string) {
	sample, err := os.ReadFile("../../fixtures/events/message.delivered.json")
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range 16 {
		wg.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			in := bufio.NewReader(c)
			var out bytes.Buffer
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				body := strings.Replace(string(sample), `"event_id": "`, fmt.Sprintf(`"event_id": "%d`, n), 1)
				out.Reset()
				fmt.Fprintf(&out, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				if _, err := c.Write(out.Bytes()); err != nil {
					b.Error(err)
					return
				}
				for line := "-"; line != "\r\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}
