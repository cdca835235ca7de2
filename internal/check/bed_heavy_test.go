//go:build heavy

package check_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/check/testbed"
)

// Every flaw is found by exactly the checks that the table names.
func TestAllFlaws(t *testing.T) { findFlaws(t, false, testbed.Flaws(), false) }

// Those of the state take a probe, and wait for what must not come.
func TestAllStateFlaws(t *testing.T) { findFlaws(t, true, testbed.Flaws(), false) }

// Good receivers are found good with every scheme, over TLS and under load.
func TestAllGoodSchemes(t *testing.T) { goodSchemes(t, auth.Kinds()...) }

// So are all that do allowed things in another way.
func TestAllGoodInOtherWays(t *testing.T) { goodVariants(t, 1) }

// Good receivers of different make are found good with a probe.
func TestAllGoodStates(t *testing.T) { goodStates(t) }

// A good receiver is found good in a hundred runs, so many at once that the
// machine has more to do than it can: no false alarm.
func TestAHundredRuns(t *testing.T) {
	r := testbed.New(testbed.Standard("basic", time.Hour))
	served := testbed.Serve(t, r, true)
	for i := range 100 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			sound(t, bedRun{batch: 50, skip: []string{"load"}}.at(t, r, served))
		})
	}
}

// Python's standard library makes a good receiver, too, also with its HTTP/1.0.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	for _, protocol := range []string{"HTTP/1.1", "HTTP/1.0"} {
		t.Run(strings.ReplaceAll(protocol, "/", "-"), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(context.Background())
			cmd := exec.CommandContext(ctx, python, "testdata/receiver.py", protocol)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				cancel()
				_ = cmd.Wait() // it was killed
			})
			port, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			r := testbed.New(testbed.Standard("basic", time.Hour))
			served := testbed.Served{URL: "http://127.0.0.1:" + strings.TrimSpace(port) + "/", Roots: x509.NewCertPool()}
			sound(t, bedRun{batch: 50, load: true}.at(t, r, served))
		})
	}
}
