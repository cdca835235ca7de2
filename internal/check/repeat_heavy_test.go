//go:build heavy

package check_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
	"relayctl/internal/report"
)

// Whoever pastes the command of a failure into a shell sees the status that
// the check saw.
func TestCommandsShowTheFailure(t *testing.T) {
	for _, need := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("there is no %s on this machine", need)
		}
	}
	saw := regexp.MustCompile(`status (\d{3})`)
	creds := testbed.Standard("basic", 0)
	env := append(os.Environ(), "RELAY_PASSWORD="+creds.Password, "RELAY_API_KEY="+creds.Key)
	var tried atomic.Int64
	t.Cleanup(func() {
		if n := tried.Load(); n < 50 && !t.Failed() {
			t.Errorf("only %d commands were tried", n)
		}
	})
	for _, f := range testbed.Flaws() {
		if f.HTTPS || f.Load || f.Probe || f.Timed || f.Auth == "oauth" {
			continue // they need a file of roots, a token or more than one request, or show no status
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			repeats := &report.CheckRepeats{Folder: t.TempDir()}
			rep := bedRun{auth: f.Auth, batch: f.Batch, only: f.Fails, with: func(s *check.Settings) { repeats.Settings = s }}.startOutside(t, f.Break)
			var b bytes.Buffer
			if err := (report.CheckResult{Report: rep, Repeats: repeats}).WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			var shown struct {
				Checks []struct{ ID, Verdict, Actual, Repeat string }
			}
			if err := json.Unmarshal(b.Bytes(), &shown); err != nil {
				t.Fatal(err)
			}
			for _, o := range shown.Checks {
				want := saw.FindStringSubmatch(o.Actual)
				if o.Verdict != "fail" || want == nil || !strings.Contains(o.Repeat, "curl ") || severalRequests(o.ID) {
					continue
				}
				tried.Add(1)
				cmd := exec.Command("sh", "-c", o.Repeat)
				cmd.Env = env
				out, err := cmd.CombinedOutput()
				if first, _, _ := strings.Cut(string(out), "\n"); err != nil || !strings.Contains(first, " "+want[1]) {
					t.Errorf("%s saw %q; %v, %q of\n%s", o.ID, o.Actual, err, first, o.Repeat)
				}
			}
		})
	}
}

// severalRequests names the checks whose failure one request cannot show for
// sure: http.post-only looks at two answers, and what retry.recovers saw may
// have healed since, when the predecessor of its event came.
func severalRequests(id string) bool { return id == "http.post-only" || id == "retry.recovers" }
