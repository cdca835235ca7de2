package check_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

func TestMain(m *testing.M) {
	postAndExit()
	debug.SetGCPercent(400) // the runs make much garbage, and keep little
	flag.Parse()
	if parallelTests != "" { // how many tests go on at once; "" for as many as there are processors
		if err := flag.Set("test.parallel", parallelTests); err != nil {
			panic(err)
		}
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
	late  bool // the deadline of a call is short, because it has to pass
	only  []string
	skip  []string
	with  func(*check.Settings) // is told the settings of the run
	stall func() time.Duration  // of the network in memory
}

// bedWaits are the waits of a run against the test bed, whose receivers take milliseconds
// for what others take seconds for. A bubble's waits cost nothing, but the readings do that
// are made meanwhile.
func bedWaits() check.Waits {
	w := check.DefaultWaits()
	w.Wrong, w.Later, w.Copies, w.Minimise, w.Revive = 400*time.Millisecond, 250*time.Millisecond, time.Second, 700*time.Millisecond, 500*time.Millisecond
	w.Memory, w.Attempts = 0, 2500*time.Millisecond
	w.Kills = time.Minute
	w.Settle, w.Leeway, w.Stall = 8*time.Second, time.Second, 100*time.Millisecond
	w.RetryScale = 0.003
	w.LimitScale = 5 // nothing here is meant to run out of time
	return w
}

// runs numbers the runs of a test process.
var runs atomic.Uint64

// bedTimeout is the deadline of a call: outside of a bubble far more than the good
// receiver needs on a busy machine. Flaws that have to miss a deadline get a shorter one.
const bedTimeout = 6 * time.Second

func (b bedRun) env(t testing.TB, r *testbed.Receiver, served testbed.Served) *check.Settings {
	t.Helper()
	c := auth.Config{
		Kind: r.Creds.Kind, Username: r.Creds.User, Password: auth.NewSecret(r.Creds.Password), APIKey: auth.NewSecret(r.Creds.Key),
		TokenURL: strings.TrimSuffix(served.URL, "/") + testbed.TokenPath, ClientID: r.Creds.Client, ClientSecret: auth.NewSecret(r.Creds.Secret),
	}
	c.HTTP = &http.Client{Transport: &http.Transport{DialContext: served.Dial, TLSClientConfig: &tls.Config{RootCAs: served.Roots}, DisableKeepAlives: true}}
	scheme, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	n := runs.Add(1)
	seed := fnv.New64a()
	_, _ = io.WriteString(seed, t.Name()) // a hash takes everything
	return &check.Settings{
		URL: served.URL, Auth: scheme, AuthConfig: c, Dial: served.Dial, TLS: &tls.Config{RootCAs: served.Roots}, Timeout: bedTimeout,
		RunID: fmt.Sprintf("%x-%d", time.Now().UnixNano(), n), Seed: seed.Sum64(), Start: time.Now().UTC().Truncate(time.Millisecond),
		Batch: b.batch, BatchShape: event.Array, Capacity: sim.Rate{Calls: 40, Per: time.Second}, Duration: time.Second, Waits: bedWaits(),
	}
}

// start serves a receiver and runs the suite against it, strictly: over a network in
// memory and in a bubble, where waiting takes no time and a busy machine changes nothing.
func (b bedRun) start(t *testing.T, flaw func(*testbed.Receiver)) (rep *check.Report) {
	t.Helper()
	testbed.Bubble(t, func(t *testing.T) {
		r := b.receiver(flaw)
		rep = b.at(t, r, testbed.Serve(t, r, &testbed.Network{Stall: b.stall}, b.https))
	})
	return rep
}

// startOutside is start over the machine's network and in its time.
func (b bedRun) startOutside(t *testing.T, flaw func(*testbed.Receiver)) *check.Report {
	t.Helper()
	r := b.receiver(flaw)
	return b.at(t, r, testbed.Serve(t, r, nil, b.https))
}

// receiver makes one with that flaw; nil is a good one.
func (b bedRun) receiver(flaw func(*testbed.Receiver)) *testbed.Receiver {
	kind := strings.TrimPrefix(cmp.Or(b.auth, auth.KindBasic), auth.KindNone)
	r := testbed.New(testbed.Standard(kind, 2*time.Second))
	if flaw != nil {
		flaw(r)
	}
	return r
}

// at runs the suite against what is served, which expects r's credentials.
func (b bedRun) at(t testing.TB, r *testbed.Receiver, served testbed.Served) *check.Report {
	t.Helper()
	if !b.load && len(b.only) == 0 {
		b.skip = append(slices.Clone(b.skip), "load")
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
		env.Capacity, env.Duration = sim.Rate{Calls: 250, Per: time.Second}, 2*time.Second
	}
	if b.late {
		env.Timeout = time.Second
		if b.load || slices.Contains(b.only, "load") {
			env.Timeout = 1500 * time.Millisecond
		}
	}
	if b.with != nil {
		b.with(env)
	}
	runner := check.Runner{Settings: env, Checks: list, Strict: true}
	return runner.Run(context.Background(), quiet{})
}

type quiet struct{}

func (quiet) Obstacle(string)          {}
func (quiet) Running([]string)         {}
func (quiet) Measured(*check.ReadSide) {}
func (quiet) Done(*check.Checked)      {}

// complaints lists the checks that say that something is wrong.
func complaints(rep *check.Report) []string {
	ids := []string{}
	for i := range rep.Checked {
		if o := &rep.Checked[i]; o.Verdict == check.Fail || o.Verdict == check.Warn {
			ids = append(ids, o.Check.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// told words the results that are not plain passes.
func told(rep *check.Report) string {
	var b strings.Builder
	for i := range rep.Checked {
		if o := &rep.Checked[i]; o.Verdict != check.Pass && o.Verdict != check.Skip {
			fmt.Fprintf(&b, "%s %s: %s %s\n", o.Verdict, o.Check.ID, o.Reason, o.Actual)
		}
	}
	return b.String()
}

// A flaw is found by exactly the checks that the table names. Here every check finds
// one, in a run of the checks that it fails; the heavy tests try all flaws with all
// checks.
func TestFlaws(t *testing.T) { findFlaws(t, false, oneForEach(testbed.Flaws()), true) }

// Flaws of the state take a probe, and wait for what must not come.
func TestStateFlaws(t *testing.T) { findFlaws(t, true, oneForEach(testbed.Flaws()), true) }

// oneForEach leaves out flaws whose every check has found another one before.
func oneForEach(all []testbed.Flaw) []testbed.Flaw {
	found := map[string]bool{}
	var chosen []testbed.Flaw
	for _, f := range all {
		brings := false
		for _, id := range f.Fails {
			brings = brings || !found[id]
			found[id] = true
		}
		if brings {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// findFlaws runs the suite against receivers with a flaw; narrow leaves it at the
// checks that the flaw fails.
func findFlaws(t *testing.T, probe bool, flaws []testbed.Flaw, narrow bool) {
	t.Parallel()
	for _, f := range flaws {
		if f.Probe != probe {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			run := bedRun{auth: f.Auth, https: f.HTTPS, batch: f.Batch, probe: f.Probe, fast: f.Load && f.Probe, late: f.Timed}
			switch {
			case f.Load:
				run.only = []string{"load"}
			case f.Probe:
				// What these groups look at is not the state.
				run.skip = []string{"tls", "http", "robust", "security", "slow"}
			}
			if narrow && !f.Load {
				run.only = f.Fails
			}
			if f.Only != nil {
				run.only, run.skip = f.Only, nil
			}
			rep := run.start(t, f.Break)
			want := slices.Sorted(slices.Values(f.Fails))
			if diff := gocmp.Diff(want, complaints(rep), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (%s)\nchecks that fail (-want +got):\n%s%s", f.Name, f.Story, diff, told(rep))
				return
			}
			checkHints(t, f.Name, rep)
		})
	}
}

// sound complains about every result that is neither a pass nor a skip.
func sound(t *testing.T, rep *check.Report) {
	t.Helper()
	if text := told(rep); text != "" {
		t.Error(text)
	}
}

// Good receivers are found good by every check that applies to them. Here one run has
// the load checks, and TLS, whose handshakes cost more than all the rest.
func TestGood(t *testing.T) { goodSchemes(t, auth.KindBasic) }

// goodSchemes runs the suite against a good receiver of each scheme, with TLS and the
// load checks for those that are named.
func goodSchemes(t *testing.T, whole ...string) {
	t.Parallel()
	for _, kind := range auth.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			all := slices.Contains(whole, kind)
			sound(t, bedRun{auth: kind, https: all, batch: 50, load: all}.start(t, nil))
		})
	}
}

// A good receiver on the machine's network is found good, too: its connections have ways
// of their own.
func TestGoodOutside(t *testing.T) {
	t.Parallel()
	sound(t, bedRun{https: true, only: []string{"event.accept", "http", "tls", "auth", "robust"}}.startOutside(t, nil))
}

// So are good receivers that do allowed things in another way, and those whose calls the
// network disturbs. Here every third one is tried.
func TestGoodInOtherWays(t *testing.T) { goodVariants(t, 3) }

// goodVariants tries one in so many of the variants, the first one always.
func goodVariants(t *testing.T, oneIn int) {
	t.Parallel()
	for i, v := range testbed.Variants() {
		if i%oneIn != 0 {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			sound(t, bedRun{batch: 50}.start(t, v.Change))
		})
	}
}

// A receiver that answers "basic" with 403 and takes "Basic" fails auth.scheme-case; the
// other checks go on with what it takes.
func TestAForbiddenSchemeBlocksNothing(t *testing.T) {
	t.Parallel()
	sound(t, bedRun{only: []string{"tolerant"}}.start(t, flawNamed(t, "case-sensitive-scheme-403").Break))
}

func flawNamed(t *testing.T, name string) testbed.Flaw {
	t.Helper()
	flaws := testbed.Flaws()
	i := slices.IndexFunc(flaws, func(f testbed.Flaw) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no flaw has the name %s", name)
	}
	return flaws[i]
}
