package check_test

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// The runs wait more than they work, so that more of them than there are
// processors can go on at once.
func TestMain(m *testing.M) {
	postAndExit()
	flag.Parse()
	if err := flag.Set("test.parallel", bedParallel); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// bedRun is how the suite runs against a receiver of the test bed.
type bedRun struct {
	auth  string // "" is basic
	https bool
	batch int
	load  bool
	fast  bool // the load comes at a rate that makes it pile up
	probe bool
	only  []string
	skip  []string
}

// runs numbers the runs of a test process.
var runs atomic.Uint64

// bedTimeout is the deadline of a call: far more than the good receiver needs
// on a busy machine, and little enough to wait for where a flaw is a hang.
const bedTimeout = bedSlowdown * 2 * time.Second

func (b bedRun) env(t testing.TB, r *testbed.Receiver, served testbed.Served) *check.Env {
	t.Helper()
	c := auth.Config{
		Kind: r.Creds.Kind, Username: r.Creds.User, Password: auth.NewSecret(r.Creds.Password), APIKey: auth.NewSecret(r.Creds.Key),
		TokenURL: strings.TrimSuffix(served.URL, "/") + testbed.TokenPath, ClientID: r.Creds.Client, ClientSecret: auth.NewSecret(r.Creds.Secret),
	}
	c.HTTP = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: served.Roots}, DisableKeepAlives: true}}
	scheme, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	n := runs.Add(1)
	return &check.Env{
		URL: served.URL, Auth: scheme, AuthCfg: c, TLS: &tls.Config{RootCAs: served.Roots}, Timeout: bedTimeout,
		RunID: fmt.Sprintf("%x-%d", time.Now().UnixNano(), n), Seed: n, Start: time.Now().UTC().Truncate(time.Millisecond),
		Batch: b.batch, BatchShape: event.Array, Capacity: sim.Rate{Calls: 40, Per: time.Second}, Duration: time.Second, SaveDir: t.TempDir(),
	}
}

// start serves a receiver and runs the suite against it, strictly.
func (b bedRun) start(t testing.TB, flaw func(*testbed.Receiver)) *check.Report {
	t.Helper()
	kind := b.auth
	if kind == "" {
		kind = "basic"
	}
	r := testbed.New(testbed.Standard(kind, bedSlowdown*2*time.Second))
	if flaw != nil {
		flaw(r)
	}
	return b.against(t, r)
}

func (b bedRun) against(t testing.TB, r *testbed.Receiver) *check.Report {
	t.Helper()
	return b.at(t, r, testbed.Serve(t, r, b.https))
}

// at runs the suite against what is served, which expects r's credentials.
func (b bedRun) at(t testing.TB, r *testbed.Receiver, served testbed.Served) *check.Report {
	t.Helper()
	if !b.load && len(b.only) == 0 {
		b.skip = append(b.skip, "load")
	}
	list, err := check.Select(check.All(), b.only, b.skip)
	if err != nil {
		t.Fatal(err)
	}
	env := b.env(t, r, served)
	if b.probe {
		withProbe(t, env, r, served)
	}
	if b.fast {
		env.Capacity, env.Duration = sim.Rate{Calls: 1000, Per: time.Second}, time.Second
	}
	runner := check.Runner{Env: env, Checks: list, Strict: true}
	return runner.Run(context.Background(), quiet{})
}

type quiet struct{}

func (quiet) Trouble(string)      {}
func (quiet) Running([]string)    {}
func (quiet) Done(*check.Outcome) {}

// complaints lists the checks that say that something is wrong.
func complaints(rep *check.Report) []string {
	ids := []string{}
	for i := range rep.Outcomes {
		if o := &rep.Outcomes[i]; o.Verdict == check.Fail || o.Verdict == check.Warn {
			ids = append(ids, o.Check.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// told words the outcomes that are not plain passes.
func told(rep *check.Report) string {
	var b strings.Builder
	for i := range rep.Outcomes {
		if o := &rep.Outcomes[i]; o.Verdict != check.Pass && o.Verdict != check.Skip {
			fmt.Fprintf(&b, "%s %s: %s %s\n", o.Verdict, o.Check.ID, o.Reason, o.Actual)
		}
	}
	return b.String()
}

// Every flaw is found by exactly the checks that the table names.
func TestFlaws(t *testing.T) { findFlaws(t, false) }

// Those of the state take a probe, and wait for what must not come.
func TestStateFlaws(t *testing.T) { findFlaws(t, true) }

func findFlaws(t *testing.T, probe bool) {
	for _, f := range testbed.Flaws() {
		if f.Probe != probe {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			if f.Timed && bedSlowdown > 1 {
				t.Skip("no time can be told under the race detector")
			}
			t.Parallel()
			run := bedRun{auth: f.Auth, https: f.HTTPS, batch: f.Batch, probe: f.Probe, fast: f.Load && f.Probe}
			if f.Load {
				run.only = []string{"load"}
			}
			rep := run.start(t, f.Break)
			want := slices.Sorted(slices.Values(f.Fails))
			if diff := cmp.Diff(want, complaints(rep), cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("%s (%s)\nchecks that fail (-want +got):\n%s%s", f.Name, f.Story, diff, told(rep))
			}
		})
	}
}

// sound complains about every outcome that is neither a pass nor a skip.
func sound(t *testing.T, rep *check.Report) {
	t.Helper()
	if text := told(rep); text != "" {
		t.Error(text)
	}
}

// Good receivers are found good by every check that applies to them.
func TestGood(t *testing.T) {
	for _, kind := range auth.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := testbed.New(testbed.Standard(strings.TrimPrefix(kind, "none"), 2*time.Second))
			sound(t, bedRun{https: true, batch: 50, load: true}.against(t, r))
		})
	}
}

// So are those that do allowed things in another way, and those in whose way
// the network gets.
func TestGoodInOtherWays(t *testing.T) {
	for _, v := range testbed.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			sound(t, bedRun{batch: 50}.start(t, v.Change))
		})
	}
}
