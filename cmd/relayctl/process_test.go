package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// childVariable names the test that a test's binary runs as a process of its own.
const childVariable = "RELAYCTL_TEST_ALONE"

// inProcessOfItsOwn runs a test that needs a working folder of its own beside the other
// tests, as a process. It is true in that process, which runs the rest of the test.
func inProcessOfItsOwn(t *testing.T) bool {
	t.Helper()
	if os.Getenv(childVariable) == t.Name() {
		return true
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+regexp.QuoteMeta(t.Name())+"$")
	cmd.Env = append(os.Environ(), childVariable+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}
