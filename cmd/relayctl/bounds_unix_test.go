//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Every file that is read whole has a bound that is checked while reading: an
// endless one is refused before it fills the memory.
func TestEndlessFilesAreRefused(t *testing.T) {
	const zero = "/dev/zero"
	if _, err := os.Stat(zero); err != nil {
		t.Skip(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	for name := range map[string]int{"zero.yaml": 0, "folder/relayctl.yaml": 0} {
		if err := os.Symlink(zero, name); err != nil {
			t.Fatal(err)
		}
	}
	const to = "http://127.0.0.1:1/"
	for _, args := range [][]string{
		{"listen", "--addr", "127.0.0.1:0", "--for", "1ms", "--rules", zero},
		{"listen", "--addr", "127.0.0.1:0", "--for", "1ms", "--cert", zero, "--key", zero},
		{"send", "--to", to, "--cacert", zero},
		{"send", "--to", to, "--auth", "api-key", "--api-key", "file:" + zero},
		{"send", "--to", to, "--no-preflight", "--csv", zero},
		{"send", "--to", to, "--journal", zero, "--resume"},
		{"send", "--to", to, "zero.yaml"},
		{"send", "--to", to, "--no-preflight", zero},
		{"check", "--to", to, "--baseline", zero},
		{"check", "--to", to, "--cacert", zero},
		{"check", "--to", to, "--probe", to, "--probe-header", "X: file:" + zero},
		{"validate", zero},
		{"inspect", zero},
	} {
		code, out := boundedRun(t, args, strings.NewReader(""), nil)
		if code != exitUsage && args[0] != "validate" || code == exitOK {
			t.Errorf("%q: exit %d\n%s", args, code, out)
		}
	}
	folder, err := filepath.Abs("folder")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	if code, out := boundedRun(t, []string{"config"}, strings.NewReader(""), nil); code != exitUsage || !strings.Contains(out, "larger than") {
		t.Errorf("relayctl.yaml: exit %d\n%s", code, out)
	}
}

// Here every beginning and every command has its turn; the heavy tests try each with each.
func TestEndlessStreamsAreRefused(t *testing.T) { refuseStreams(t, false) }

func refuseStreams(t *testing.T, each bool) {
	t.Helper()
	if underRace {
		t.Skip("it reads gigabytes in one goroutine, which takes minutes under the race detector")
	}
	for i, begin := range []string{`{"a":"`, `[{"event_id":"`, `{"v":1,"body":"`, "ccid,phone_number\n\"", "["} {
		for k, args := range [][]string{{"send", "-", "--dry-run"}, {"validate", "-"}, {"inspect", "-"}} {
			if !each && k != i%3 {
				continue
			}
			code, out := boundedRun(t, args, io.LimitReader(io.MultiReader(strings.NewReader(begin), letters{}), 400<<20), nil)
			if code == exitOK {
				t.Errorf("%q, %q: exit 0\n%s", begin, args, out)
			}
		}
	}
}

// boundedRun runs a command, which may allocate as much as a file of the largest
// size takes that is held in memory.
func boundedRun(t *testing.T, args []string, stdin io.Reader, environ []string) (code int, out string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var b strings.Builder
	code = run(context.Background(), context.Background(), nil, args, stdin, &b, &b, environ)
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 800 {
		t.Errorf("%q allocated %d MiB", args, grown)
	}
	return code, b.String()
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	const block = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for n := copy(p, block); n < len(p); n *= 2 {
		copy(p[n:], p[:n])
	}
	return len(p), nil
}
