package check

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/check/testbed"
	"relayctl/internal/sim"
)

// hanging is an endpoint that does not answer calls whose body says so, for as
// long as the test runs.
func hanging(t *testing.T, hangs func(body string) bool) (e *Settings, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	end := make(chan struct{})
	e, _ = serving(t, func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if hangs(string(body)) {
			calls.Add(1)
			<-end
		}
	})
	t.Cleanup(func() { close(end) })
	e.Timeout = 150 * time.Millisecond
	return e, calls
}

// A kind of event that is not answered is asked about twice, and the check that
// is about it fails.
func TestASilentKindOfEventIsAskedTwice(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		e, calls := hanging(t, func(body string) bool { return strings.Contains(body, `"message.action_taken"`) })
		checks, err := Select(All(), []string{"event.accept", "business", "order.accepted", "duplicate.accepted", "retry.recovers"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		rep, o := runAll(t, &Runner{Settings: e, Checks: checks, Parallel: 1})
		if n := calls.Load(); n != silentCalls+1 { // twice, and the plainest one of its name
			t.Errorf("it was asked %d times", n)
		}
		if r := rep.Checked[0]; r.Verdict != Fail || !strings.Contains(r.Actual, "message.action_taken: no answer within the deadline") {
			t.Errorf("%v %+v", o.done, r.Result)
		}
		if rep.Gone != nil {
			t.Errorf("it answers other events: %+v", rep.Gone)
		}
	})
}

// An endpoint that stops answering ends a run soon, which is red and names the
// event at which it happened.
func TestAnEndpointThatStopsAnsweringIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		var stuck atomic.Bool
		e, calls := hanging(t, func(body string) bool {
			if strings.Contains(body, `"message.undelivered"`) {
				stuck.Store(true)
			}
			return stuck.Load()
		})
		checks, err := Select(All(), nil, []string{"slow", "tls", "http", "auth", "robust", "security"})
		if err != nil {
			t.Fatal(err)
		}
		rep, o := runAll(t, &Runner{Settings: e, Checks: checks, Parallel: 1})
		if rep.Gone == nil || rep.Gone.Event != "message.undelivered" || rep.Gone.Check != "event.accept" || rep.Status() != Red {
			t.Errorf("%s %+v", rep.Status(), rep.Gone)
		}
		if n := calls.Load(); n > timedOutCalls+10 || rep.Count(Fail) == 0 {
			t.Errorf("%d calls were not answered: %v", n, o.done)
		}
	})
}

// One that dies is gone as well, once nobody listens there any more.
func TestAnEndpointThatDiesIsNamed(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		e, srv := serving(t, func(http.ResponseWriter, *http.Request) {})
		e.Waits = DefaultWaits()
		e.Waits.Connect = 50 * time.Millisecond
		dies := Check{ID: "a.dies", Run: func(ctx context.Context, tr *Trial) Result {
			srv.Close()
			return tr.after(ctx, Passed)
		}}
		follows := Check{ID: "b.follows", Run: func(ctx context.Context, tr *Trial) Result { return tr.after(ctx, Passed) }}
		rep, o := runAll(t, &Runner{Settings: e, Checks: []Check{dies, follows}, Parallel: 1})
		if rep.Gone == nil || rep.Gone.Check != "a.dies" || !strings.Contains(rep.Gone.What, "refused") {
			t.Errorf("%v %+v", o.done, rep.Gone)
		}
		if rep.Status() != Red {
			t.Error(rep.Status())
		}
	})
}

// One that dies in the middle of the burst is not said to be slow, and the end names
// the moment.
func TestAnEndpointThatDiesInTheBurstIsNamed(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		var e *Settings
		var srv *httptest.Server
		var calls atomic.Int32
		e, srv = serving(t, func(_ http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body)
			switch n := calls.Add(1); {
			case n == 20:
				go srv.CloseClientConnections()
				srv.Listener.Close()
			case n > 20: // on a connection that had just been taken
				panic(http.ErrAbortHandler)
			}
		})
		e.Waits = DefaultWaits()
		e.Waits.Connect = 50 * time.Millisecond
		e.Timeout = 4 * time.Second // a busy machine falls behind by more than one
		e.Capacity, e.Duration = sim.Rate{Calls: 100, Per: time.Second}, time.Second
		checks, err := Select(All(), []string{"load.burst", "load.deadline"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		rep, o := runAll(t, &Runner{Settings: e, Checks: checks, Parallel: 1})
		if rep.Gone == nil || rep.Gone.Check != "load.burst" || !strings.Contains(rep.Gone.What, "refused") {
			t.Fatalf("%v %+v", o.done, rep.Gone)
		}
		burst := rep.Checked[0]
		if burst.Verdict != Fail || burst.Actual != rep.Gone.describe() || !strings.Contains(burst.Result.Fix, "went away") {
			t.Errorf("%+v", burst.Result)
		}
		if after := rep.Checked[1]; after.Verdict != Blocked || !strings.Contains(after.Reason, "stopped answering at") {
			t.Errorf("%+v", after.Result)
		}
		if all := rep.Conclusion(); len(all) != 1 || all[0].ID != "load.burst" || all[0].Text != rep.Gone.describe() {
			t.Errorf("%+v", all)
		}
	})
}

// One that dies while others' events are sent is named with the first call that was
// refused, and the rest of them is not sent.
func TestAnEndpointThatDiesInAFloodIsNamed(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		var e *Settings
		var srv *httptest.Server
		var calls, refused atomic.Int32
		e, srv = serving(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			if calls.Add(1) == 60 {
				srv.Listener.Close()
			}
		})
		e.Waits = DefaultWaits()
		e.Waits.Connect = 50 * time.Millisecond
		e.Exchanges = func(x capture.Exchange) {
			if strings.Contains(x.Comment, "refused") {
				refused.Add(1)
			}
		}
		floods := Check{ID: "a.floods", Run: func(ctx context.Context, tr *Trial) Result {
			tr.flood(ctx, 5000, 5*time.Second, 20*time.Second)
			return Unclear("left to see")
		}}
		rep, o := runAll(t, &Runner{Settings: e, Checks: []Check{floods}, Parallel: 1})
		if rep.Gone == nil || rep.Gone.Check != "a.floods" || rep.Gone.Event != "message.delivered" || !strings.Contains(rep.Gone.What, "refused") {
			t.Fatalf("%v %+v", o.done, rep.Gone)
		}
		if n := refused.Load(); n > 4*atOnce {
			t.Errorf("%d calls more", n)
		}
	})
}

// The time of a run is kept, and what was cut is told.
func TestARunHasATimeOfItsOwn(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		slow := func(id string, tags ...string) Check {
			return Check{ID: id, Level: Must, Tags: tags, Run: func(ctx context.Context, _ *Trial) Result {
				if !wait(ctx, 200*time.Millisecond) {
					return Unclear("ended")
				}
				return Passed()
			}}
		}
		r := &Runner{Settings: answering(t, 200), Parallel: 1, MaxDuration: 100 * time.Millisecond, Checks: []Check{slow("a.first"), slow("a.second"), slow("load.own", "slow")}}
		rep, o := runAll(t, r)
		if strings.Join(o.done, ", ") != "a.first inconclusive, a.second inconclusive, load.own pass" || !rep.Checked[0].Cut || !rep.Checked[1].Cut {
			t.Errorf("%v", o.done)
		}
		if rep.Status() != NothingKnown || !strings.Contains(rep.Checked[1].Reason, "max-duration of 100ms was over") {
			t.Errorf("%s %q", rep.Status(), rep.Checked[1].Reason)
		}
	})
}
