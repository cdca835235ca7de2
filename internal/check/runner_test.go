package check

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/auth"
	"relayctl/internal/check/testbed"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// told notes what an observer is told.
type told struct {
	cause   string
	done    []string
	running [][]string
}

func (o *told) Obstacle(cause string) { o.cause = cause }
func (o *told) Measured(*ReadSide)    {}
func (o *told) Running(ids []string)  { o.running = append(o.running, ids) }
func (o *told) Done(out *Checked)     { o.done = append(o.done, out.Check.ID+" "+string(out.Verdict)) }

// answering is an endpoint that always answers with a status.
func answering(t *testing.T, status int) *Settings {
	s, _ := serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	return s
}

// serving is an endpoint in memory.
func serving(t *testing.T, h http.HandlerFunc) (*Settings, *httptest.Server) {
	t.Helper()
	var network testbed.Network
	srv := network.Server(h)
	srv.Start()
	t.Cleanup(srv.Close)
	s := settingsFor(t, srv.URL, auth.Config{})
	s.Dial = network.Dial
	return s, srv
}

// returns is a check that comes to a result at once.
func returns(id string, level Level, r Result) Check {
	return Check{ID: id, Level: level, Run: func(context.Context, *Trial) Result { return r }}
}

func runAll(t *testing.T, r *Runner) (*Report, *told) {
	t.Helper()
	var o told
	rep := r.Run(t.Context(), &o)
	if len(rep.Checked) != len(r.Checks) {
		t.Fatalf("%d results of %d checks", len(rep.Checked), len(r.Checks))
	}
	return rep, &o
}

func TestOutcomesComeInOrder(t *testing.T) {
	second := make(chan struct{})
	waits := Check{ID: "a.waits", Run: func(ctx context.Context, _ *Trial) Result {
		select {
		case <-second:
			return Passed()
		case <-ctx.Done():
			return Unclear("the other one did not run beside it")
		}
	}}
	opens := Check{ID: "a.opens", Run: func(context.Context, *Trial) Result {
		close(second)
		return Passed()
	}}
	rep, o := runAll(t, &Runner{Settings: answering(t, 200), Checks: []Check{waits, opens, returns("b.fails", Must, Failed("x", "y", nil))}, Parallel: 2})
	if diff := cmp.Diff([]string{"a.waits pass", "a.opens pass", "b.fails fail"}, o.done); diff != "" {
		t.Error(diff)
	}
	if rep.Status() != Red || rep.Failures() != 1 {
		t.Error(rep.Status())
	}
}

func TestAloneMeansAlone(t *testing.T) {
	var running, most atomic.Int32
	var mu sync.Mutex
	var order []string
	var checks []Check
	for i := range 8 {
		alone := i%3 == 0
		id := fmt.Sprintf("g.%d", i)
		checks = append(checks, Check{ID: id, Alone: alone, Run: func(context.Context, *Trial) Result {
			n := running.Add(1)
			defer running.Add(-1)
			mu.Lock()
			order = append(order, id)
			mu.Unlock()
			if alone && n != 1 {
				return Failed("nothing beside it", fmt.Sprint(n), nil)
			}
			most.Store(max(most.Load(), n))
			return Passed()
		}})
	}
	rep, o := runAll(t, &Runner{Settings: answering(t, 200), Checks: checks})
	if rep.Count(Pass) != 8 || most.Load() > DefaultParallel {
		t.Errorf("%v, %d at once", o.done, most.Load())
	}
	if diff := cmp.Diff([]string{"g.0", "g.3", "g.6"}, order[5:]); diff != "" {
		t.Errorf("what runs alone comes last, in order: %s", diff)
	}
	for _, ids := range o.running {
		if len(ids) > DefaultParallel {
			t.Errorf("%v at once", ids)
		}
	}
}

func TestFaultsOfRelayctlAreNotTheReceivers(t *testing.T) {
	panics := Check{ID: "a.panics", Run: func(_ context.Context, tr *Trial) Result {
		return []Result{Passed()}[len(tr.Check.ID)]
	}}
	late := Check{ID: "a.late", Limit: time.Millisecond, Run: func(ctx context.Context, _ *Trial) Result {
		<-ctx.Done()
		return BlockedBy("the control was cut off")
	}}
	sure := Check{ID: "a.sure", Limit: time.Millisecond, Run: func(ctx context.Context, _ *Trial) Result {
		<-ctx.Done()
		return Failed("x", "seen before the end", nil)
	}}
	broken := Check{ID: "a.broken", Limit: time.Millisecond, Run: func(ctx context.Context, tr *Trial) Result {
		<-ctx.Done()
		return Failed("an event that failed is accepted when it comes again", tr.accepted(ctx, tr.Event("message.delivered")), nil)
	}}
	rep, _ := runAll(t, &Runner{Settings: answering(t, 200), Checks: []Check{panics, late, sure, broken}})
	got := rep.Checked
	if r := got[0]; r.Verdict != Inconclusive || !strings.HasPrefix(r.Reason, "a fault of relayctl: runtime error: index out of range [8] with length 1 (internal/check/runner_test.go:") {
		t.Errorf("%+v", r.Result)
	}
	if r := got[1]; r.Verdict != Inconclusive || r.Reason != "not done within its time of 1ms" {
		t.Errorf("%+v", r.Result)
	}
	if got[2].Verdict != Fail {
		t.Errorf("%+v", got[2].Result)
	}
	if r := got[3]; r.Verdict != Inconclusive || r.Reason != "not done within its time of 1ms" {
		t.Errorf("a call that the end of the time broke off: %+v", r.Result)
	}
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	r := newRun(answering(t, 200)).guarded(t.Context(), &Check{ID: "a.stuck", Run: func(context.Context, *Trial) Result {
		<-never
		return Passed()
	}}, time.Millisecond)
	if r.Verdict != Inconclusive || !strings.Contains(r.Reason, "does not end") {
		t.Errorf("%+v", r)
	}
}

func TestLevelsWeighFailures(t *testing.T) {
	failed := Failed("x", "y", nil)
	checks := []Check{returns("a.must", Must, failed), returns("a.should", Should, failed), returns("a.may", May, failed)}
	for strict, want := range map[bool][]string{false: {"a.must fail", "a.should warn", "a.may warn"}, true: {"a.must fail", "a.should fail", "a.may warn"}} {
		_, o := runAll(t, &Runner{Settings: answering(t, 200), Checks: checks, Strict: strict})
		if diff := cmp.Diff(want, o.done); diff != "" {
			t.Errorf("strict %v: %s", strict, diff)
		}
	}
}

func TestStatusOfARun(t *testing.T) {
	for _, c := range []struct {
		verdicts []Verdict
		want     Status
	}{
		{[]Verdict{Pass, Warn, Skip}, Green},
		{[]Verdict{Pass, Fail}, Red},
		{[]Verdict{Pass, Blocked}, Red},
		{[]Verdict{Blocked}, Red},
		{[]Verdict{Pass, Inconclusive}, NothingKnown},
		{[]Verdict{Fail, Inconclusive}, Red},
		{[]Verdict{Inconclusive, Skip}, NothingKnown},
		{[]Verdict{Skip}, Unchecked},
		{nil, Unchecked},
	} {
		var r Report
		for _, v := range c.verdicts {
			o := checked("a.b", v)
			o.Check.Level = Must
			r.Checked = append(r.Checked, o)
		}
		if got := r.Status(); got != c.want {
			t.Errorf("%v: %s, want %s", c.verdicts, got, c.want)
		}
	}
}

// Where no valid event is accepted, only what explains it is checked.
func TestAnObstacleBlocksWhatFollowsFromIt(t *testing.T) {
	t.Parallel()
	checks := []Check{
		{ID: "a.explains", Despite: []Obstacle{NotAccepted}, Run: func(context.Context, *Trial) Result { return Failed("200", "500", nil) }},
		returns("a.follows", Must, Passed()),
		{ID: "a.skipped", Needs: []Need{NeedAuth}, Run: func(context.Context, *Trial) Result { return Passed() }},
	}
	for status, want := range map[int]string{
		401: "a plain valid event is not accepted: status 401 (Unauthorized); it asks for credentials, and none are configured",
		404: "a plain valid event is not accepted: status 404 (Not Found); is the path of the URL right?",
		500: "a plain valid event is not accepted: status 500 (Internal Server Error); its log will say why",
		400: "a plain valid event is not accepted: status 400 (Bad Request); it was a message.delivered",
		302: "a plain valid event is not accepted: status 302 (Found); Relay follows no redirect: name the final URL",
	} {
		rep, o := runAll(t, &Runner{Settings: answering(t, status), Checks: checks})
		if o.cause != want || rep.Cause != want {
			t.Errorf("%d: %q", status, o.cause)
		}
		if diff := cmp.Diff([]string{"a.explains fail", "a.follows blocked", "a.skipped skip"}, o.done); diff != "" {
			t.Errorf("%d: %s", status, diff)
		}
		if rep.Status() != Red {
			t.Errorf("%d: %s", status, rep.Status())
		}
	}
}

func TestAnEventThatHealsIsAccepted(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		var calls atomic.Int32
		s, _ := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) < 4 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		rep, _ := runAll(t, &Runner{Settings: s, Checks: []Check{returns("a.b", Must, Passed())}})
		// Four for the number that is added, one for the message that follows.
		if rep.Cause != "" || calls.Load() != 5 {
			t.Errorf("%q after %d calls", rep.Cause, calls.Load())
		}
	})
}

func TestNoEndpointIsTheEnvironmentsFault(t *testing.T) {
	s := settingsFor(t, "http://127.0.0.1:9", auth.Config{})
	s.Dial = new(testbed.Network).Dial
	rep, o := runAll(t, &Runner{Settings: s, Checks: []Check{returns("a.b", Must, Passed())}})
	if rep.Status() != NothingKnown || !rep.Unreachable || o.done[0] != "a.b inconclusive" || !strings.HasPrefix(o.cause, "the endpoint cannot be reached: ") {
		t.Errorf("%s %v %q", rep.Status(), o.done, o.cause)
	}
}

func TestSilenceAndDistrustAreObstaclesOfTheirOwn(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		checks := []Check{
			{ID: "a.tls", Despite: []Obstacle{TLSFails}, Run: func(context.Context, *Trial) Result { return Passed() }},
			{ID: "a.time", Despite: []Obstacle{NoAnswer}, Run: func(context.Context, *Trial) Result { return Passed() }},
		}
		var network testbed.Network
		srv := network.Server(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		srv.StartTLS()
		defer srv.Close()
		e := settingsFor(t, srv.URL, auth.Config{})
		e.Dial = network.Dial
		_, o := runAll(t, &Runner{Settings: e, Checks: checks})
		if !slices.Equal(o.done, []string{"a.tls pass", "a.time blocked"}) || !strings.Contains(o.cause, "unknown authority") {
			t.Errorf("%v %q", o.done, o.cause)
		}
		e, _ = serving(t, func(_ http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(io.Discard, req.Body) // only then the server learns that the client has gone
			<-req.Context().Done()
		})
		e.Timeout = 5 * time.Millisecond
		_, o = runAll(t, &Runner{Settings: e, Checks: checks})
		if !slices.Equal(o.done, []string{"a.tls blocked", "a.time pass"}) || !strings.Contains(o.cause, "not answered within 5ms") {
			t.Errorf("%v %q", o.done, o.cause)
		}
	})
}

func TestInterruptedRunsTellWhatTheyHave(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stops := Check{ID: "a.stops", Run: func(context.Context, *Trial) Result {
		cancel()
		return Passed()
	}}
	var o told
	rep := (&Runner{Settings: answering(t, 200), Parallel: 1, Checks: []Check{stops, returns("a.next", Must, Passed())}}).Run(ctx, &o)
	if !slices.Equal(o.done, []string{"a.stops pass", "a.next inconclusive"}) || rep.Status() != Stopped {
		t.Errorf("%v %s", o.done, rep.Status())
	}
}

func TestRepeatedChecksTellWhatIsFlaky(t *testing.T) {
	var n atomic.Int32
	sometimes := Check{ID: "a.sometimes", Level: Must, Run: func(context.Context, *Trial) Result {
		if n.Add(1) == 2 {
			return Failed("x", "y", nil)
		}
		return Passed()
	}}
	always := returns("a.always", Must, Failed("x", "y", nil))
	rep, _ := runAll(t, &Runner{Settings: answering(t, 200), Checks: []Check{sometimes, always}, Repeat: 3})
	if o := rep.Checked[0]; o.Verdict != Fail || o.Flaky != "1/3" || o.Actual != "y" {
		t.Errorf("%+v", o)
	}
	if o := rep.Checked[1]; o.Verdict != Fail || o.Flaky != "" {
		t.Errorf("%+v", o)
	}
}

func TestBaselineExcusesWhatIsKnown(t *testing.T) {
	checks := []Check{returns("a.known", Must, Failed("x", "y", nil)), returns("a.mended", Must, Passed())}
	known := Known{ID: "a.known", Reason: "soon"}
	rep, _ := runAll(t, &Runner{Settings: answering(t, 200), Checks: checks, Baseline: &Baseline{File: "b", Entries: []Known{known}}})
	if rep.Status() != Green || rep.Failures() != 0 || rep.KnownFailures() != 1 {
		t.Errorf("%s", rep.Status())
	}
	rep, _ = runAll(t, &Runner{Settings: answering(t, 200), Checks: checks, Baseline: &Baseline{File: "b", Entries: []Known{known, {ID: "a.mended", Reason: "x"}}}})
	if rep.Status() != Red || len(rep.Stale) != 1 {
		t.Errorf("%s %v", rep.Status(), rep.Stale)
	}
}

func TestARunKnowsWhatItLacks(t *testing.T) {
	needs := []Need{NeedAuth, NeedOAuth, NeedHTTPS, NeedProbe, NeedBatch, NeedRestart, NeedFault}
	e := settingsFor(t, "http://127.0.0.1/", auth.Config{})
	for _, n := range needs {
		if e.has(n) {
			t.Errorf("%s is there", n)
		}
	}
	e = settingsFor(t, "HTTPS://127.0.0.1/", auth.Config{Kind: "api-key", APIKey: auth.NewSecret("k")})
	e.Batch, e.RestartCmd, e.FaultOn, e.FaultOff, e.Probe = 1, "x", "x", "x", &Probe{}
	for _, n := range needs {
		if e.has(n) == (n == NeedOAuth) {
			t.Errorf("%s is %v", n, e.has(n))
		}
	}
}

func TestControlsGuardNegativeChecks(t *testing.T) {
	for status, want := range map[int]Verdict{200: Fail, 401: Blocked} {
		e := answering(t, status)
		tr, err := newRun(e).newTrial(&Check{ID: "a.b"})
		if err != nil {
			t.Fatal(err)
		}
		if got := tr.Negative(t.Context(), func() Result { return Failed("401", "200", nil) }); got.Verdict != want {
			t.Errorf("%d: %+v", status, got)
		}
	}
}

func TestCustomersAreFreshInEveryRunAndCheck(t *testing.T) {
	ids := map[string]bool{}
	for _, run := range []string{"r1", "r2"} {
		e := answering(t, 200)
		e.RunID = run
		shared := newRun(e)
		for _, id := range []string{"a.b", "a.c"} {
			tr, err := shared.newTrial(&Check{ID: id})
			if err != nil {
				t.Fatal(err)
			}
			for range 50 {
				d, err := tr.Customer().Deliver(plan.Step{Event: "message.delivered"})
				if err != nil {
					t.Fatal(err)
				}
				for _, key := range []string{d.Events[0].CCID, d.Events[0].ID} {
					if ids[key] {
						t.Errorf("%s came twice", key)
					}
					ids[key] = true
				}
			}
		}
	}
}

func TestPlainHTTPToOthersFails(t *testing.T) {
	c, err := Find(All(), "tls.https")
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]Verdict{"http://relay.example/": Fail, "HTTPS://relay.example/": Pass, "http://127.0.0.1/": Skip, "http://[::1]/": Skip} {
		tr, err := newRun(settingsFor(t, url, auth.Config{})).newTrial(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Run(t.Context(), tr); got.Verdict != want {
			t.Errorf("%s: %+v", url, got)
		}
	}
}

// settingsFor are the settings of a run against a URL, with those credentials.
func settingsFor(t *testing.T, url string, cfg auth.Config) *Settings {
	t.Helper()
	scheme, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &Settings{URL: url, Auth: scheme, AuthConfig: cfg, Timeout: 10 * time.Second, RunID: "r1", Start: time.Now()}
}

// Receivers echo what they should not: no text of a result shows a secret, not
// even a token that the run was given.
func TestResultsShowNoSecrets(t *testing.T) {
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"tok-3n-Val-ue","token_type":"bearer","expires_in":3600}`)
	}))
	defer tokens.Close()
	r := newRun(settingsFor(t, "http://127.0.0.1/", auth.Config{Kind: "oauth", TokenURL: tokens.URL, ClientID: "c", ClientSecret: auth.NewSecret("s3cret-of-The-client")}))
	if _, err := r.credentials.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	res := r.credentials.redact(Result{Actual: "it echoes tok-3n-Val-ue", Subs: []Sub{{Actual: "s3cret-of-The-client"}}})
	if res.Actual != "it echoes [redacted]" || res.Subs[0].Actual != "[redacted]" {
		t.Errorf("%+v", res)
	}
	if diff := cmp.Diff([]Secret{{SecretToken, "tok-3n-Val-ue"}, {SecretClientSecret, "s3cret-of-The-client"}}, r.repeatCall(wire.Call{}).Secrets); diff != "" {
		t.Error(diff)
	}
}

// Where no event is accepted no restart is tried, and nothing is waited for.
func TestARestartIsNotWaitedForWhenNothingIsAccepted(t *testing.T) {
	t.Parallel()
	testbed.Bubble(t, func(t *testing.T) {
		e := answering(t, 400)
		p, err := NewProbe(ProbeConfig{URL: e.URL + "/{ccid}", Dial: e.Dial})
		if err != nil {
			t.Fatal(err)
		}
		e.Probe, e.RestartCmd, e.Waits = p, "false", DefaultWaits()
		e.Waits.Return = time.Millisecond
		tr, err := newRun(e).newTrial(&Check{ID: "durable.restart"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if r := survivesRestart(ctx, tr); r.Verdict != Blocked || ctx.Err() != nil {
			t.Errorf("%+v, %v", r, ctx.Err())
		}
	})
}
