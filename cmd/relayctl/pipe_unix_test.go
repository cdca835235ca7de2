//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pipe that nobody writes keeps no command from ending.
func TestAPipeWithoutAWriterIsInterrupted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	for _, name := range []string{path, path + ".yaml"} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // what still waits for a writer has one then
			if f, err := os.OpenFile(name, os.O_RDWR, 0); err == nil {
				f.Close()
			}
		})
	}
	for _, args := range [][]string{
		{"send", path}, {"send", path + ".yaml"}, {"send", "--csv", path}, {"generate", path}, {"validate", path}, {"inspect", path},
		{"send", "--auth", "basic", "--username", "relay", "--password", "file:" + path},
		{"send", "--to", "https://localhost/", "--cacert", path},
		{"check", "--baseline", path},
		{"listen", "--addr", "127.0.0.1:0", "--tls", "off", "--rules", path},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, interrupt)
		stderr := &bytes.Buffer{}
		if code := run(ctx, context.Background(), nil, args, strings.NewReader(""), &bytes.Buffer{}, stderr, nil); code != exitInterrupted {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, exitInterrupted, stderr)
		}
		if !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("%v does not say that it was interrupted: %s", args, stderr)
		}
	}
}

// Nor does one that nobody reads.
func TestAPipeWithoutAReaderIsInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what still waits for a reader has one then
		if f, err := os.OpenFile("fifo", os.O_RDWR, 0); err == nil {
			f.Close()
		}
	})
	record := `{"v":1,"received_at":"2026-01-31T12:00:00.000Z","method":"POST","path":"/","body":"{}","status":200}`
	for name, text := range map[string]string{"rows.csv": "ccid\n1001\n", "capture.jsonl": record + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"send", "message.delivered", "--report", "json=fifo"},
		{"send", "--csv", "rows.csv", "--rejects", "fifo"},
		{"forecast", "--records", "10", "--report", "json=fifo"},
		{"check", "--only", "http.keepalive", "--har", "fifo"},
		{"inspect", "capture.jsonl", "--har", "fifo"},
		{"redact", "capture.jsonl", "-o", "fifo"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, interrupt)
		stderr := &bytes.Buffer{}
		if code := run(ctx, context.Background(), nil, args, strings.NewReader(""), &bytes.Buffer{}, stderr, nil); code != exitInterrupted {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, exitInterrupted, stderr)
		}
	}
}

// What is piped to a command under a file's name is read, once.
func TestPipesUnderAFilesName(t *testing.T) {
	row := "ccid\n1001\n"
	events, err := exec.Command("relayctl", "generate", "message.delivered", "--count", "3").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ args, stdin, want string }{
		{"send --output json /dev/stdin", string(events), `"accepted":3`},
		{"send --output json --csv /dev/stdin", row, `"given_up":0`},
		{"generate /dev/stdin", string(events), "message.delivered"},
		{"validate /dev/stdin", string(events), "3 events"},
	} {
		cmd := exec.Command("relayctl", strings.Fields(tc.args)...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() { defer stdin.Close(); _, _ = stdin.Write([]byte(tc.stdin)) }()
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), tc.want) {
			t.Errorf("%s: %v: no %s in\n%s", tc.args, err, tc.want, out)
		}
	}
}

// A terminal that is closed ends a run as SIGTERM does: with its summary.
func TestHangup(t *testing.T) {
	hangups := make(chan os.Signal, 1)
	out, stderr := &interrupting{interrupt: func() {
		select {
		case hangups <- syscall.SIGHUP:
		default:
		}
	}}, &bytes.Buffer{}
	report := filepath.Join(t.TempDir(), "report.json")
	args := []string{"send", "--records", "1000000", "--rate", "1/h", "--report", "json=" + report}
	if code := run(t.Context(), context.Background(), hangups, args, strings.NewReader(""), out, stderr, nil); code != exitInterrupted {
		t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, stderr)
	}
	if !strings.Contains(out.String(), "cut short") {
		t.Errorf("no summary:\n%s", out)
	}
	if info, err := os.Stat(report); err != nil || info.Size() == 0 {
		t.Errorf("no report: %v", err)
	}
}
