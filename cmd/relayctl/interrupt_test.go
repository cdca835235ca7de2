package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
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
		if code := run(ctx, context.Background(), nil, args, strings.NewReader(""), out, stderr, nil); code != exitInterrupted {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, exitInterrupted, stderr)
		}
		if args[0] == "send" && !strings.Contains(out.String(), "seed") {
			t.Errorf("%v: no summary:\n%s", args, out)
		}
		if args[0] == "generate" && !regexp.MustCompile(`(?m)^relayctl: interrupted after \d+ events$`).MatchString(stderr.String()) {
			t.Errorf("%v does not say how far it came: %s", args, stderr)
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
		run(ctx, context.Background(), nil, args, strings.NewReader(""), out, stderr, nil)
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

// onceSaid does something when a text was written.
type onceSaid struct {
	guarded
	text string
	do   func()
}

func (o *onceSaid) Write(p []byte) (int, error) {
	n, err := o.guarded.Write(p)
	if o.text != "" && strings.Contains(o.String(), o.text) {
		o.do()
	}
	return n, err
}

func TestInterruptedBeforeAnythingIsSent(t *testing.T) {
	for _, tc := range []struct {
		said string // when this stands on stderr; before it begins for ""
		args []string
		want string
	}{
		{"", []string{"message.delivered", "--count", "1000000", "--events", "account.*"}, "interrupted while the plan was read; nothing was sent"},
		{"waiting: 127.0.0.1:1 does not accept connections", []string{"message.delivered", "--to", "http://127.0.0.1:1/", "--wait-ready", "1h"}, "interrupted while waiting for the endpoint; nothing was sent"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		if tc.said == "" {
			interrupt()
		}
		stderr := &onceSaid{text: tc.said, do: interrupt}
		code := run(ctx, context.Background(), nil, append([]string{"send"}, tc.args...), strings.NewReader(""), &bytes.Buffer{}, stderr, nil)
		if code != exitInterrupted || !strings.Contains(stderr.String(), tc.want) {
			t.Errorf("exit code %d, stderr %q, want %q", code, stderr.String(), tc.want)
		}
	}
}

func TestPatienceWithAnEndpointThatIsGone(t *testing.T) {
	for _, tc := range []struct {
		attemptsGiven, noPreflight bool
		want                       time.Duration
	}{{want: 30 * time.Second}, {attemptsGiven: true}, {noPreflight: true}} {
		o := sendOptions{noPreflight: tc.noPreflight}
		if got := o.givesUpIn(tc.attemptsGiven); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}
