package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// interrupting is an output whose first line interrupts the run, as a user
// does who sees something happen.
type interrupting struct {
	bytes.Buffer
	interrupt func()
}

func (w *interrupting) Write(p []byte) (int, error) {
	w.interrupt()
	return w.Buffer.Write(p)
}

func TestInterrupted(t *testing.T) {
	for _, args := range [][]string{
		{"send", "--records", "1000000", "--rate", "1/h"},
		{"send", "--records", "1000000", "--rate", "1/h", "--output", "json"},
		{"generate", "--records", "1000000"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		out, stderr := &interrupting{interrupt: interrupt}, &bytes.Buffer{}
		env := func(string) (string, bool) { return "", false }
		if code := run(ctx, context.Background(), args, strings.NewReader(""), out, stderr, env); code != exitInterrupted {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, exitInterrupted, stderr)
		}
		if args[0] == "send" && !strings.Contains(out.String(), "seed") {
			t.Errorf("%v: no summary:\n%s", args, out)
		}
	}
}

// A run that is interrupted says that it does not know the rest of its plan,
// in every output, and how it goes on.
func TestInterruptedRunIsCutShort(t *testing.T) {
	dir := t.TempDir()
	for output, want := range map[string]string{"text": "cut short  after ", "json": `"cut_short":true`} {
		ctx, interrupt := context.WithCancel(t.Context())
		out, stderr := &interrupting{interrupt: interrupt}, &bytes.Buffer{}
		args := []string{
			"send", "--records", "1000000", "--rate", "1/h", "--output", output, "--journal", filepath.Join(dir, output),
			"--report", "junit=" + filepath.Join(dir, output+".xml"), "--report", "html=" + filepath.Join(dir, output+".html"),
		}
		env := func(string) (string, bool) { return "", false }
		run(ctx, context.Background(), args, strings.NewReader(""), out, stderr, env)
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q:\n%s", want, out)
		}
		if !strings.Contains(stderr.String(), "hint: the same command with --resume") {
			t.Errorf("no hint:\n%s", stderr)
		}
		for ext, want := range map[string]string{".xml": `name="whole plan"`, ".html": "cut short: "} {
			text, err := os.ReadFile(filepath.Join(dir, output+ext))
			if err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q: %v", ext, want, err)
			}
		}
	}
}

func TestInterruptedWhileItWaitsForTheEndpoint(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	env := func(string) (string, bool) { return "", false }
	stderr := &bytes.Buffer{}
	args := []string{"send", "message.delivered", "--to", "http://127.0.0.1:1/", "--wait-ready", "1h"}
	if code := run(ctx, context.Background(), args, strings.NewReader(""), &bytes.Buffer{}, stderr, env); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if !strings.Contains(stderr.String(), "nothing was sent") {
		t.Errorf("stderr %q", stderr)
	}
}
