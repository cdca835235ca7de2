package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// output is what a running program has written so far.
type output struct {
	mu   sync.Mutex
	more sync.Cond
	text bytes.Buffer
	read int // what was awaited already
}

func newOutput() *output {
	o := &output{}
	o.more.L = &o.mu
	return o
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.more.Broadcast()
	return o.text.Write(p)
}

// await waits for a text beyond what was awaited before, and returns what came
// before it.
func (o *output) await(t *testing.T, want string) string {
	t.Helper()
	late := false
	timer := time.AfterFunc(20*time.Second, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		late = true
		o.more.Broadcast()
	})
	defer timer.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		rest := o.text.String()[o.read:]
		if i := strings.Index(rest, want); i >= 0 {
			o.read += i + len(want)
			return rest[:i]
		}
		if late {
			t.Fatalf("%q did not come:\n%s", want, rest)
		}
		o.more.Wait()
	}
}

// watched is a "send --watch" that is under way.
type watched struct {
	out, err *output
	ctrlC    context.CancelFunc
	code     chan int
}

func startWatch(t *testing.T, args ...string) *watched {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watched{newOutput(), newOutput(), cancel, make(chan int, 1)}
	go func() {
		w.code <- run(ctx, t.Context(), nil, append([]string{"send", "--watch"}, args...), strings.NewReader(""), w.out, w.err, nil)
	}()
	t.Cleanup(cancel)
	return w
}

func (w *watched) end(t *testing.T, want int) {
	t.Helper()
	w.ctrlC()
	if code := <-w.code; code != want {
		t.Errorf("ended with %d, want %d\n%s", code, want, w.err.text.String())
	}
}

func save(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const (
	oneStep  = "steps:\n  - event: message.delivered\n"
	twoSteps = oneStep + "  - event: notification.attempted\n"
	idle     = "; Ctrl-C ends\n"
)

func TestWatchSendsWhatIsSaved(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	save(t, file, oneStep)
	w := startWatch(t, file)
	w.out.await(t, "delivered: 1 event, 1 attempt")
	w.err.await(t, "watching "+file+idle)

	save(t, file, twoSteps)
	w.err.await(t, "mine.yaml was saved: sending again")
	w.out.await(t, "delivered: 2 events, 2 attempts")
	w.err.await(t, idle)

	// An editor writes beside the file and renames.
	save(t, file+".swp", oneStep+"    copies: 3\n")
	if err := os.Rename(file+".swp", file); err != nil {
		t.Fatal(err)
	}
	w.out.await(t, "delivered: 1 event, 2 copies, 3 attempts")
	w.err.await(t, idle)

	save(t, file, oneStep+"    copis: 3\n")
	w.err.await(t, `mine.yaml:3:5: unknown key "copis"; did you mean "copies"?`)
	w.err.await(t, "mine.yaml is broken; the last good one is kept")

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	w.err.await(t, "mine.yaml is gone; the last good one is kept")
	save(t, file, twoSteps)
	w.out.await(t, "delivered: 2 events, 2 attempts")
	w.err.await(t, idle)
	w.end(t, exitOK)
	if text := w.out.text.String(); strings.Count(text, "seed ") < 4*2 || strings.Contains(text, "ended early") {
		t.Errorf("the runs:\n%s", text)
	}
}

func TestWatchKeepsTheLastGoodFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.jsonl")
	const event = `{"event_id":"a","event_name":"message.delivered","event_ts":"2026-01-31T12:00:00.000Z","payload":{}}` + "\n"
	save(t, a, twoSteps)
	save(t, b, event)
	w := startWatch(t, a, b)
	w.out.await(t, "delivered: 3 events")
	w.err.await(t, idle)
	save(t, b, event[:40])
	w.err.await(t, "b.jsonl is broken; the last good one is kept")
	save(t, a, oneStep)
	w.out.await(t, "delivered: 2 events") // one of a's, and the one that b held
	w.err.await(t, idle)
	w.end(t, exitOK)
}

func TestWatchEndsWithTheLastVerdict(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	const failing = oneStep + "send: {attempts: 1}\nreceiver: {respond: [\"500\"]}\n"
	save(t, file, oneStep)
	w := startWatch(t, file)
	w.err.await(t, idle)
	save(t, file, failing)
	w.out.await(t, "the scenario sets --attempts 1")
	w.out.await(t, "not everything was delivered")
	w.err.await(t, idle)
	// What the last file had set does not stay.
	save(t, file, oneStep)
	if text := w.out.await(t, "delivered: 1 event, 1 attempt"); strings.Contains(text, "the scenario sets") {
		t.Errorf("a flag outlived its file:\n%s", text)
	}
	w.err.await(t, idle)
	save(t, file, failing)
	w.err.await(t, idle)
	w.end(t, exitFellShort)
}

// Every run has what its own file sets, where the user has not set it.
func TestWatchResolvesAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	save(t, file, oneStep+"send: {attempts: 1, workers: 2, pace: original}\n")
	w := startWatch(t, file, "--workers", "3")
	w.out.await(t, "the scenario sets --attempts 1 --pace original\n")
	w.err.await(t, idle)
	save(t, file, oneStep+"send: {workers: 2, timeout: 3s}\n")
	w.out.await(t, "the scenario sets --timeout 3s\n")
	w.err.await(t, idle)
	save(t, file, oneStep+"send: {workers: 2}\n")
	if text := w.out.await(t, "delivered: 1 event"); strings.Contains(text, "the scenario sets") {
		t.Errorf("a value of another file or of the command line:\n%s", text)
	}
	w.err.await(t, idle)
	w.end(t, exitOK)
}

func TestASaveEndsARunEarly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	const waiting = oneStep + "receiver: {respond: [\"500,200\"]}\n"
	save(t, file, waiting) // ten seconds until the second attempt
	w := startWatch(t, file)
	w.out.await(t, "retry in 10s")
	save(t, file, oneStep)
	w.err.await(t, "was saved: this run ends early, then it is sent again")
	w.out.await(t, "ended early")
	w.out.await(t, "delivered: 1 event, 1 attempt")
	w.err.await(t, idle)
	// Ctrl-C in the middle of a run.
	save(t, file, waiting)
	w.out.await(t, "retry in 10s")
	w.end(t, exitInterrupted)
}

func TestWatchNeedsAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	save(t, file, oneStep)
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	save(t, broken, "steps: 1\n")
	for want, args := range map[string][]string{
		"--watch needs a file among what is sent":       {"journey"},
		"--watch needs a file":                          {"--records", "5"},
		"--watch cannot read stdin (-) again":           {file, "-"},
		"--journal is for one run":                      {file, "--journal", filepath.Join(t.TempDir(), "j")},
		"broken.yaml:1:8: a list is expected here":      {broken},
		"none.yaml: no such file":                       {filepath.Join(t.TempDir(), "none.yaml")},
		"--report takes json, junit, html, followed by": {file, "--report", "x"},
	} {
		w := startWatch(t, args...)
		if code := <-w.code; code != exitUsage {
			t.Errorf("%q ended with %d", args, code)
		}
		w.err.await(t, want)
	}
}
