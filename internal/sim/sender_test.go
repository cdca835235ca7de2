package sim

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint is a recording server in memory: every connection is a pipe, so
// that its waits can run on virtual time. answer returns the status of the nth
// request (from 0), 0 to hang and -1 to cut the connection.
type endpoint struct {
	mu       sync.Mutex
	answer   func(n int, body string) int
	bodies   []string
	at       []time.Duration
	head     []string
	began    time.Time
	handlers sync.WaitGroup
	refuses  func() bool // connections, at the moment; nil for never
}

func (e *endpoint) dial(context.Context, string, string) (net.Conn, error) {
	if e.refuses != nil && e.refuses() {
		return nil, syscall.ECONNREFUSED
	}
	client, server := net.Pipe()
	e.handlers.Go(func() { e.serve(server) })
	return client, nil
}

func (e *endpoint) serve(conn net.Conn) {
	defer conn.Close()
	br := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		e.mu.Lock()
		n := len(e.bodies)
		e.bodies = append(e.bodies, string(body))
		e.at = append(e.at, time.Since(e.began))
		e.head = append(e.head, fmt.Sprint(req.Header))
		status := e.answer(n, string(body))
		e.mu.Unlock()
		switch status {
		case 0:
			_, _ = br.ReadByte() // until the caller hangs up
			return
		case -1:
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 %d X\r\nContent-Length: 2\r\nLocation: /elsewhere\r\n\r\nok", status)
	}
}

func (e *endpoint) run(t *testing.T, cfg SenderConfig, ds ...plan.Delivery) (Summary, *log) {
	t.Helper()
	e.began = time.Now()
	cfg.URL, cfg.Dial = "http://relay.test/hook", e.dial
	s, err := NewSender(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var l log
	sum, err := s.Run(t.Context(), planOf(ds...), &l)
	if err != nil {
		t.Fatal(err)
	}
	e.handlers.Wait()
	if sum.Events+sum.Copies != sum.Accepted+sum.GivenUp+sum.Refused+sum.Skipped {
		t.Errorf("the totals do not add up: %d events, %d+%d+%d+%d", sum.Events, sum.Accepted, sum.GivenUp, sum.Refused, sum.Skipped)
	}
	return sum, &l
}

// log notes attempts and outcomes as lines.
type log struct{ lines []string }

func (l *log) Attempt(a *Attempt) {
	l.lines = append(l.lines, fmt.Sprintf("%s %d/%d %d %s", a.Delivery.Events[0].ID, a.Number, a.Of, a.Status, a.Failure))
}

func (l *log) Outcome(o *Outcome) {
	l.lines = append(l.lines, fmt.Sprintf("%s %s after %d", o.Delivery.Events[0].ID, o.Kind, o.Attempts))
}

func planOf(ds ...plan.Delivery) plan.Stream {
	return func(yield func(plan.Delivery, error) bool) {
		for _, d := range ds {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func one(id string, lane uint64) plan.Delivery {
	return plan.Delivery{Body: []byte(`{"event_id":"` + id + `"}`), Events: []plan.EventRef{{ID: id}}, Lane: lane}
}

func relay() SenderConfig {
	on, err := ParseRetryOn(DefaultRetryOn)
	if err != nil {
		panic(err)
	}
	return SenderConfig{RetryDelays: event.RetryDelays(), RetryOn: on}
}

func TestFourAttemptsAtTheDefaultDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int, string) int { return 500 }}
		sum, l := e.run(t, relay(), one("a", 0))
		want := []time.Duration{0, 10 * time.Second, 40 * time.Second, 160 * time.Second}
		if !slices.Equal(e.at, want) || len(slices.Compact(e.bodies)) != 1 {
			t.Errorf("attempts at %v with %v", e.at, e.bodies)
		}
		if sum.GivenUp != 1 || sum.OK() || l.lines[len(l.lines)-1] != "a given-up after 4" || sum.Outage.PeakRetries != 1 {
			t.Errorf("%+v %v", sum, l.lines)
		}
	})
}

func TestWhatIsRetried(t *testing.T) {
	for status, want := range map[int]string{
		200: "a accepted after 1", 201: "a accepted after 1", 204: "a accepted after 1",
		302: "a refused after 1", 400: "a refused after 1", 401: "a refused after 1", 404: "a refused after 1",
		502: "a refused after 1", 503: "a refused after 1", 500: "a given-up after 4",
		0: "a given-up after 4", -1: "a given-up after 4",
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &endpoint{answer: func(int, string) int { return status }}
			_, l := e.run(t, relay(), one("a", 0))
			if got := l.lines[len(l.lines)-1]; got != want {
				t.Errorf("%d: %s, want %s", status, got, want)
			}
		})
	}
}

func TestTimeoutsAreCutAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int, string) int { return 0 }}
		sum, _ := e.run(t, relay(), one("a", 0))
		want := []time.Duration{0, 20 * time.Second, 60 * time.Second, 190 * time.Second}
		if !slices.Equal(e.at, want) || sum.Failures[wire.Timeout] != 4 {
			t.Errorf("attempts at %v, failures %v", e.at, sum.Failures)
		}
	})
}

func TestWideningRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := relay()
		cfg.RetryOn, _ = ParseRetryOn("5xx")
		cfg.TimeScale, cfg.Attempts = 0.5, 3
		e := &endpoint{answer: func(n int, _ string) int { return []int{503, 502, 200}[n] }}
		sum, _ := e.run(t, cfg, one("a", 0))
		if want := []time.Duration{0, 5 * time.Second, 20 * time.Second}; !slices.Equal(e.at, want) || sum.Retried != 1 || !sum.OK() {
			t.Errorf("attempts at %v, %+v", e.at, sum)
		}
	})
}

func TestLostAckComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int, string) int { return 200 }}
		d := one("a", 0)
		d.LostAcks = 1
		sum, l := e.run(t, relay(), d)
		want := "a 1/4 0 timeout|a 2/4 200 |a accepted after 2"
		if got := strings.Join(l.lines, "|"); got != want || len(e.bodies) != 2 || e.bodies[0] != e.bodies[1] || sum.LostAcks != 1 {
			t.Errorf("%s, bodies %v", got, e.bodies)
		}
	})
}

func TestARetryHoldsBackItsWorkerOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := relay()
		cfg.Workers = 2
		e := &endpoint{answer: func(n int, body string) int {
			if n < 2 && strings.Contains(body, "a1") {
				return 500
			}
			return 200
		}}
		e.run(t, cfg, one("a1", 0), one("a2", 0), one("b1", 1))
		var order []string
		for _, b := range e.bodies {
			order = append(order, strings.Split(b, `"`)[3])
		}
		first := order[:2]
		slices.Sort(first)
		if got := strings.Join(append(first, order[2:]...), " "); got != "a1 b1 a1 a2" {
			t.Errorf("order %v", order)
		}
	})
}

func TestSpreadLetsNewerEventsOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := relay()
		cfg.Workers, cfg.Spread = 2, true
		failed := false
		e := &endpoint{answer: func(_ int, body string) int {
			if strings.Contains(body, `"a1"`) && !failed {
				failed = true
				return 500
			}
			return 200
		}}
		e.run(t, cfg, one("a1", 0), one("a2", 0), one("a3", 0))
		if last := e.bodies[len(e.bodies)-1]; len(e.bodies) != 4 || last != `{"event_id":"a1"}` {
			t.Errorf("order %v", e.bodies)
		}
	})
}

func TestRateIsOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := relay()
		cfg.Rate, cfg.Workers = Rate{2, time.Second}, 1
		e := &endpoint{answer: func(n int, _ string) int {
			if n == 0 {
				time.Sleep(3 * time.Second)
			}
			return 200
		}}
		sum, _ := e.run(t, cfg, one("a", 0), one("b", 0), one("c", 0))
		// b was due at 0.5s and c at 1s, and both waited for a until 3s.
		if want := []time.Duration{0, 3 * time.Second, 3 * time.Second}; !slices.Equal(e.at, want) || sum.P50.Round(100*time.Millisecond) != 2500*time.Millisecond {
			t.Errorf("at %v, p50 %v; the wait in the queue belongs to the latency", e.at, sum.P50)
		}
	})
}

func TestPaceOriginalKeepsTheOffsets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := relay()
		cfg.Original, cfg.TimeScale = true, 0.1
		a, b := one("a", 0), one("b", 0)
		a.Arrives, b.Arrives = -2*time.Second, time.Minute
		e := &endpoint{answer: func(int, string) int { return 200 }}
		e.run(t, cfg, a, b)
		// What is sent before the start begins the run, and the spacing stays.
		if want := []time.Duration{0, 6200 * time.Millisecond}; !slices.Equal(e.at, want) {
			t.Errorf("at %v", e.at)
		}
	})
}

func TestInterruptionLeavesNothingUnaccounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int, string) int { return 500 }, began: time.Now()}
		cfg := relay()
		cfg.URL, cfg.Dial, cfg.Workers = "http://relay.test/", e.dial, 1
		s, err := NewSender(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		var l log
		sum, err := s.Run(ctx, planOf(one("a", 0), one("b", 0)), &l)
		e.handlers.Wait()
		if err == nil || sum.Skipped != 2 || len(e.bodies) != 2 || time.Since(e.began) != 15*time.Second {
			t.Errorf("%v %+v %v", err, sum, l.lines)
		}
	})
}

func TestKillEndsACallUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(int, string) int { return 0 }, began: time.Now()}
		kill, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		cfg := relay()
		cfg.URL, cfg.Dial, cfg.Kill = "http://relay.test/", e.dial, kill
		s, err := NewSender(cfg)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := s.Run(kill, planOf(one("a", 0)), nil)
		e.handlers.Wait()
		if err == nil || sum.Failures[wire.Interrupted] != 1 || time.Since(e.began) != 3*time.Second {
			t.Errorf("%v %+v after %v", err, sum, time.Since(e.began))
		}
	})
}

func TestHeadersGoOutAsTheyAreSpelt(t *testing.T) {
	var got bytes.Buffer
	dial := func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			br := bufio.NewReader(io.TeeReader(server, &got))
			req, err := http.ReadRequest(br)
			if err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			_, _ = io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}()
		return client, nil
	}
	key, err := auth.New(auth.Config{Kind: "api-key", APIKey: auth.NewSecret("k1")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSender(SenderConfig{URL: "http://relay.test/a?b=c", Auth: key, Headers: []auth.Header{{Name: "X-tenant", Value: "t"}}, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := s.Run(t.Context(), planOf(one("a", 0)), nil); err != nil || !sum.OK() {
		t.Fatal(sum, err)
	}
	want := "POST /a?b=c HTTP/1.1\r\nHost: relay.test\r\nUser-Agent: relayctl\r\nContent-Type: application/json\r\nX-tenant: t\r\nApiKey: k1\r\nContent-Length: 16\r\n\r\n{\"event_id\":\"a\"}"
	if got.String() != want {
		t.Errorf("got %q", got.String())
	}
}

func TestSenderConfigIsChecked(t *testing.T) {
	many := make([]auth.Header, 11)
	for _, cfg := range []SenderConfig{
		{URL: "ftp://x"}, {URL: "https://"}, {URL: "https://u:p@h/"}, {URL: "https://h/", Headers: many},
		{URL: "https://h/", Headers: []auth.Header{{Name: "a b", Value: ""}}},
		{URL: "https://h/", Headers: []auth.Header{{Name: "A", Value: "x\r\nB: y"}}},
		{URL: "https://h/", Headers: []auth.Header{{Name: "content-length", Value: "1"}}},
	} {
		if _, err := NewSender(cfg); err == nil || strings.Contains(err.Error(), ":p@") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestParseRateAndRetryOn(t *testing.T) {
	if r, err := ParseRate("5000/m"); err != nil || r.Due(5000) != time.Minute || r.String() != "5000/m" {
		t.Error(r, err)
	}
	for _, s := range []string{"", "5", "5/x", "-1/s", "0/s", "NaN/s", "1e30/s"} {
		if _, err := ParseRate(s); err == nil {
			t.Errorf("rate %q was taken", s)
		}
	}
	for _, s := range []string{"timeot", "6xx", "99", "600"} {
		if _, err := ParseRetryOn(s); err == nil {
			t.Errorf("retry-on %q was taken", s)
		}
	}
	if _, err := ParseDelays("10s,x"); err == nil {
		t.Error("a delay of x was taken")
	}
}

func FuzzParseRetryOn(f *testing.F) {
	for _, s := range []string{DefaultRetryOn, "5xx, 429", "cut,tls,token", "none", "", ",,", "timeot", "1xx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRetryOn(s)
		if err != nil {
			return
		}
		for status := 200; status < 300; status++ {
			if r.Retries(status, wire.NoFailure) {
				t.Fatalf("%q retries %d, which is accepted", s, status)
			}
		}
	})
}
