//go:build heavy

package check_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/check/testbed"
)

// parallelTests: those of the heavy tests that are not in bubbles wait more than they work.
const parallelTests = "8"

// Every flaw is found by exactly the checks that the table names.
func TestAllFlaws(t *testing.T) { findFlaws(t, false, testbed.Flaws(), false) }

// Flaws of the state take a probe, and wait for what must not come.
func TestAllStateFlaws(t *testing.T) { findFlaws(t, true, testbed.Flaws(), false) }

// Good receivers are found good with every scheme, over TLS and under load.
func TestAllGoodSchemes(t *testing.T) { goodSchemes(t, auth.Kinds()...) }

// So are all that do allowed things in another way.
func TestAllGoodInOtherWays(t *testing.T) { goodVariants(t, 1) }

// All receivers that hang are named, by a run with all checks.
func TestAllHangs(t *testing.T) { hangs(t) }

// Good receivers of different make are found good with a probe.
func TestAllGoodStates(t *testing.T) { goodStates(t) }

// runsVariable says how many runs TestNoFalseAlarm makes; without it, each make has two.
const runsVariable = "GOOD_RUNS"

// Good receivers of every make are found good by all checks, in half of the runs
// while other work takes all processors: no false alarm.
func TestNoFalseAlarm(t *testing.T) {
	makes := testbed.Makes()
	count := 2 * len(makes)
	if text := os.Getenv(runsVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", runsVariable, err)
		}
		count = n
	}
	// So many go on at once that each has a good part of the machine.
	runs := func(from, to, atOnce int) func(*testing.T) {
		free := make(chan bool, atOnce)
		return func(t *testing.T) {
			for i := from; i < to; i++ {
				m := makes[i%len(makes)].Slow()
				t.Run(fmt.Sprintf("%s-%d", m.Name, i), func(t *testing.T) {
					t.Parallel()
					free <- true
					defer func() { <-free }()
					sound(t, bedRun{probe: true, batch: 50}.startOutside(t, m.Without(nil)))
				})
			}
		}
	}
	t.Run("quiet", runs(0, count/2, 4))
	ctx, cancel := context.WithCancel(context.Background())
	var others []*exec.Cmd
	for range runtime.NumCPU() {
		cmd := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Skipf("nothing keeps the processors busy: %v", err)
		}
		others = append(others, cmd)
	}
	t.Run("busy", runs(count/2, count, 2))
	cancel()
	for _, cmd := range others {
		_ = cmd.Wait() // it was killed
	}
}

// stallsVariable says how many runs with stalls each make has; without it, four.
const stallsVariable = "STALLED_RUNS"

// Nor is there one where the machine stalls: each piece of work and each message on the
// network may take longer, most by little, some by most of a second. The suite waits as
// long as for its users.
func TestNoFalseAlarmOfStalls(t *testing.T) {
	count := 4
	if text := os.Getenv(stallsVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", stallsVariable, err)
		}
		count = n
	}
	for _, m := range testbed.Makes() {
		for seed := range uint64(count) {
			t.Run(fmt.Sprintf("%s-%d", m.Name, seed), func(t *testing.T) {
				t.Parallel()
				stall := stalls(seed)
				run := bedRun{probe: true, batch: 50, stall: stall, with: func(s *check.Settings) {
					s.Timeout, s.Waits = 10*time.Second, check.DefaultWaits()
				}}
				sound(t, run.start(t, m.Slow().Stalling(stall).Without(nil)))
			})
		}
	}
}

// stalls draws how long each one is.
func stalls(seed uint64) func() time.Duration {
	var mu sync.Mutex
	draw := rand.New(rand.NewPCG(seed, 0))
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		switch n := draw.IntN(1000); {
		case n < 2:
			return time.Duration(draw.IntN(800)) * time.Millisecond
		case n < 30:
			return time.Duration(draw.IntN(80)) * time.Millisecond
		}
		return time.Duration(draw.IntN(300)) * time.Microsecond
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
