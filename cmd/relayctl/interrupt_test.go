package main

import (
	"bytes"
	"context"
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
