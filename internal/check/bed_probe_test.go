package check_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
)

// postVariable makes the test's binary a command that posts to a URL, for what
// users give as --restart-cmd, --fault-on and --fault-off.
const postVariable = "CHECK_TEST_POST"

// postAndExit is that command, where the variable is set.
func postAndExit() {
	url := os.Getenv(postVariable)
	if url == "" {
		return
	}
	resp, err := http.Post(url, "text/plain", nil)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the control failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// withProbe lets the run see the receiver's state, and use its controls.
func withProbe(t testing.TB, e *check.Settings, r *testbed.Receiver, served testbed.Served) {
	t.Helper()
	p, err := check.NewProbe(check.ProbeConfig{URL: served.URL + "state/{ccid}", TLS: e.TLS, Dial: served.Dial})
	if err != nil {
		t.Fatal(err)
	}
	e.Probe = p
	inMemory := served.Dial != nil // where no command reaches it
	if inMemory {
		e.Shell = func(_ context.Context, control string) (string, error) {
			r.Controls[control]()
			return "", nil
		}
	}
	command := func(name string) string {
		if inMemory {
			return name
		}
		return fmt.Sprintf("%s='%scontrol/%s' '%s'", postVariable, served.URL, name, os.Args[0])
	}
	if r.Controls["restart"] != nil {
		e.RestartCmd = command("restart")
	}
	if r.Controls["fault-on"] != nil {
		e.FaultOn, e.FaultOff = command("fault-on"), command("fault-off")
	}
}

// Good receivers keep a good state, however they show it. Here two of them are tried.
func TestGoodState(t *testing.T) { goodStates(t, "plain", "works later") }

// The page of a receiver whose database is gone is gone as well: what becomes of its
// events shows when it is back.
func TestAFaultMayTakeThePageAway(t *testing.T) {
	t.Parallel()
	run := bedRun{probe: true, only: []string{"retry.effect"}}
	gone := func(r *testbed.Receiver, on *atomic.Bool) {
		r.Page = func(w http.ResponseWriter, ccid string) {
			if on.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			r.State.Show(w, ccid, ccid)
		}
	}
	rep := run.start(t, func(r *testbed.Receiver) { gone(r, testbed.Faulty(r)) })
	sound(t, rep)
	if rep.Checked[0].Verdict != check.Pass {
		t.Errorf("%s: %s", rep.Checked[0].Verdict, rep.Checked[0].Reason)
	}
	rep = run.start(t, func(r *testbed.Receiver) {
		on := testbed.Faulty(r)
		gone(r, on)
		r.Store = func(_ *http.Request, events []testbed.Event) int {
			for i := range events {
				if !r.State.Claim(r.Key(&events[i])) {
					continue
				}
				if on.Load() {
					return http.StatusInternalServerError
				}
				r.State.Apply(&events[i])
			}
			return 0
		}
	})
	if rep.Checked[0].Verdict != check.Fail {
		t.Errorf("an id that is kept though the event failed: %s %s", rep.Checked[0].Verdict, rep.Checked[0].Reason)
	}
}

// goodStates runs the suite against good receivers, all unless some are named.
func goodStates(t *testing.T, names ...string) {
	t.Parallel()
	for name, change := range map[string]func(*testbed.Receiver){
		"plain":        nil,
		"restarts":     func(r *testbed.Receiver) { testbed.Restartable(r, 0, true); testbed.Faulty(r) },
		"works later":  testbed.Later,
		"lists events": testbed.Listing,
		"lists only":   testbed.Lists,
		"as text":      testbed.AsText,
		"shows late":   testbed.Delayed(1200 * time.Millisecond),
		"is cached":    testbed.Cached(1500 * time.Millisecond),
		"shows timing": testbed.Timing,
		"keeps bodies": testbed.Bodies,
	} {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			// Here the load checks look at one of them, in the heavy test at all.
			rep := bedRun{probe: true, load: len(names) == 0 || name == "plain"}.start(t, change)
			sound(t, rep)
		})
	}
}

// A receiver that worked at once while its lag was measured, and falls behind later as on
// a busy machine, shows nothing of an event yet; that is not taken for how it should end.
func TestAQueueThatFallsBehindIsWaitedFor(t *testing.T) {
	t.Parallel()
	const behind = 200 * time.Millisecond
	rep := bedRun{probe: true, only: []string{"event.effect", "isolation.customers"}}.start(t, func(r *testbed.Receiver) {
		var queue testbed.Queue
		var calls atomic.Int64
		r.Store = func(_ *http.Request, events []testbed.Event) int {
			due := time.Now()
			if calls.Add(1) > 130 { // by then the lag is measured
				due = due.Add(behind)
			}
			queue.Add(func() {
				time.Sleep(time.Until(due))
				r.State.Commit(events, r.Key)
			})
			return 0
		}
	})
	sound(t, rep)
}

// Where telling a history takes longer than the work of one event, the first events show
// before the last is told. The lag is that of the last one all the same.
func TestTheLagOfASlowEndpointIsMeasured(t *testing.T) {
	t.Parallel()
	const answer, work = 25 * time.Millisecond, 120 * time.Millisecond
	rep := bedRun{probe: true, only: []string{"event.effect"}}.start(t, func(r *testbed.Receiver) {
		r.Store = func(_ *http.Request, events []testbed.Event) int {
			time.Sleep(answer)
			time.AfterFunc(work, func() { r.State.Commit(events, r.Key) })
			return 0
		}
	})
	sound(t, rep)
	if rep.ReadSide == nil || rep.ReadSide.Lag < work {
		t.Errorf("work that ends %s after the answer is not seen: %+v", work, rep.ReadSide)
	}
}

// An endpoint that refuses more than three calls at a time is asked one by one, so that
// the other checks have a verdict.
func TestWhatIsRefusedBesideOtherCallsIsAskedAlone(t *testing.T) {
	t.Parallel()
	run := bedRun{probe: true, only: []string{"duplicate.distinct", "event.unicode"}}
	sound(t, run.start(t, flawNamed(t, "three-at-a-time").Break))
}

// A page that comes back later than what answers is read again after a fault.
func TestAPageThatComesBackLateIsReadAgain(t *testing.T) {
	t.Parallel()
	rep := bedRun{probe: true, only: []string{"retry.effect"}}.start(t, func(r *testbed.Receiver) {
		on := testbed.Faulty(r)
		var down atomic.Int64
		r.Page = func(w http.ResponseWriter, ccid string) {
			now := time.Now().UnixNano()
			if on.Load() {
				down.Store(now)
			}
			if now-down.Load() < int64(700*time.Millisecond) {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			r.State.Show(w, ccid, ccid)
		}
		off := r.Controls["fault-off"]
		r.Controls["fault-off"] = func() { down.Store(time.Now().UnixNano()); off() }
	})
	sound(t, rep)
}
