package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// envelope is an event of a customer.
func envelope(id, name, ccid string, second int) string {
	kind, sub, _ := strings.Cut(name, ".")
	return fmt.Sprintf(`{"event_id":%q,"event_name":%q,"event_ts":"2026-01-31T12:00:%02d.000Z","payload":{"ccid":%q,"event_type":%q,"event_subtype":%q}}`, id, name, second, ccid, kind, sub)
}

// record is a request with a body, as it stands in a capture.
func record(body string, status int) *capture.Record {
	rec := &capture.Record{
		ReceivedAt: noon, Remote: "127.0.0.1:1", Method: "POST", Path: "/hook", Body: []byte(body), Status: status, Attempt: 1,
		Headers: []capture.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Apikey", Value: capture.Redacted}},
	}
	env, findings := event.Decode(rec.Body)
	rec.EventID, rec.EventName, rec.Findings = env.ID, env.Name, findings
	return rec
}

func exchange(body string, status int, badges ...string) judge.Exchange {
	rec := record(body, status)
	rec.Badges = badges
	return judge.Exchange{Record: rec, Receipts: judge.Recorded(rec, 1)}
}

func numbers(list []*Request) (out []uint64) {
	for _, r := range list {
		out = append(out, r.Number)
	}
	return out
}

func list(t *testing.T, s *Session, query string) Listed {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParseQuery(v)
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// filled are some requests that differ in what a query can ask for.
func filled() []judge.Exchange {
	return []judge.Exchange{
		exchange(envelope("a", "message.delivered", "1", 1), 200),
		exchange(envelope("b", "notification.attempted", "1", 2), 500),
		exchange(envelope("b", "notification.attempted", "1", 2), 200, "attempt 2/4"),
		exchange(envelope("c", "message.delivered", "2", 0), 0, "late 3.2s"),
		exchange(`{"event_name":"Grüße"}`, 401),
		exchange("["+envelope("d", "message.delivered", "1", 9)+","+envelope("e", "account.login", "3", 9)+"]", 200),
	}
}

func opened(t *testing.T, lines []byte) *Session {
	t.Helper()
	s, err := Open(t.Context(), Config{}, []File{{bytes.NewReader(lines), int64(len(lines))}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Memory is bounded in number and bytes; what was given up is counted, and numbers
// go on after all were cleared.
func TestBounds(t *testing.T) {
	s := New(Config{MostRequests: 5, Replay: answering(200)})
	for i := range 12 {
		s.Add(exchange(envelope(fmt.Sprint(i), "message.delivered", "1", i), 200))
	}
	if _, err := s.Replay(t.Context(), 8, Edit{}); err != nil || len(s.Replays(8)) != 1 {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Kept != 5 || st.Oldest != 8 || st.Newest != 12 || st.GivenUp != 7 {
		t.Errorf("%+v", st)
	}
	s.Add(exchange("{}", 200))
	if len(s.Replays(8)) != 0 {
		t.Error("the replays of a request that is gone are kept")
	}
	if err := s.Clear(); err != nil {
		t.Error(err)
	}
	s.Add(exchange("{}", 200))
	if st := s.Stats(); st.Kept != 1 || st.Oldest != 14 || st.Cleared != 1 || st.Bytes <= 0 {
		t.Errorf("%+v", st)
	}
	small := New(Config{MostBytes: 100_000})
	for range 9 {
		small.Add(exchange(`"`+strings.Repeat("x", 30_000)+`"`, 200))
	}
	if st := small.Stats(); st.Kept == 0 || st.Kept > 3 || st.Bytes > 100_000 {
		t.Errorf("%+v", st)
	}
	small.Add(exchange(`"`+strings.Repeat("x", 200_000)+`"`, 200))
	if st := small.Stats(); st.Kept != 1 {
		t.Errorf("a request that is larger than the bound is not kept: %+v", st)
	}
}

// A slow reader that keeps its place gets each request once, while others are added.
func TestWait(t *testing.T) {
	s := New(Config{})
	const n = 3000
	var reader sync.WaitGroup
	for range 3 {
		reader.Go(func() {
			var seen uint64
			for seen < n {
				if err := s.Wait(t.Context(), seen, 0); err != nil {
					t.Error(err)
					return
				}
				l, _ := s.List(t.Context(), Query{After: seen, Limit: MostRequests})
				for i := len(l.Requests) - 1; i >= 0; i-- {
					if l.Requests[i].Number != seen+1 {
						t.Errorf("%d after %d", l.Requests[i].Number, seen)
					}
					seen = l.Requests[i].Number
				}
			}
		})
	}
	for range n {
		s.Add(exchange("{}", 200))
	}
	reader.Wait()
}

func TestWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		all := filled()
		s.Add(all[0])
		go func() {
			for _, x := range all[1:] {
				time.Sleep(time.Second)
				s.Add(x)
			}
		}()
		q := Query{}
		q.Customers = []string{"1"}
		begun := time.Now()
		got, err := s.WaitFor(t.Context(), q, 3)
		if err != nil || !cmp.Equal(numbers(got), []uint64{1, 2, 3}) || time.Since(begun) != 2*time.Second {
			t.Errorf("%v %v after %v", numbers(got), err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err = s.WaitFor(ctx, q, 5)
		if !errors.Is(err, context.DeadlineExceeded) || len(got) != 4 || time.Since(begun) != 62*time.Second {
			t.Errorf("%v %v after %v", numbers(got), err, time.Since(begun))
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Wait(ctx, 6, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		go func() { _ = s.Clear() }()
		if err := s.Wait(t.Context(), 6, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestHealth(t *testing.T) {
	s := New(Config{})
	for i, status := range []int{200, 0, 0, 503} {
		x := exchange("{}", 200)
		x.Receipts[0].By, x.Receipts[0].ReceivedAt = judge.ByApp, noon.Add(time.Duration(i)*time.Second)
		x.Record.App = &capture.App{Status: status, Error: "refused"}
		s.Add(x)
		h := s.Stats().Health
		since := map[int]int{0: 0, 1: 1, 2: 1, 3: 3}[i]
		if h.Up != (status != 0) || !h.Since.Equal(noon.Add(time.Duration(since)*time.Second)) || h.Status != status {
			t.Errorf("%d: %+v", i, h)
		}
	}
}
