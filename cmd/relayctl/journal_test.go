//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// program is relayctl as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(exe)
	cmd.Args = append([]string{"relayctl"}, args...) // by that name TestMain runs the command, and no tests
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "XDG_CONFIG_HOME="+cmd.Dir)
	return cmd
}

// line is what the tests read of send's JSON output.
type line struct {
	Type    string
	EventID string `json:"event_id"`
	Outcome string
	Error   string
	Resent  []struct {
		EventID string `json:"event_id"`
	}
	Accepted       int
	AcceptedBefore int `json:"accepted_before"`
	Events         int
	Skipped        int
	Interrupted    bool
	Seed           uint64
}

func readLines(t *testing.T, out []byte) []line {
	t.Helper()
	var lines []line
	for text := range bytes.Lines(out) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		lines = append(lines, l)
	}
	return lines
}

// receipts counts what arrives by event and lets the nth calls through a hook.
type receipts struct {
	mu    sync.Mutex
	count map[string]int
	calls int
	hook  func(calls int)
}

// run runs a process that calls r and returns its exit code, -1 when it was
// killed. Its hook may signal it.
func (r *receipts) run(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	r.mu.Lock()
	err := cmd.Start()
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code says it
	return cmd.ProcessState.ExitCode()
}

// seen says how many calls came, and how often each event did.
func (r *receipts) seen() (int, map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls, maps.Clone(r.count)
}

func (r *receipts) set(hook func(calls int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook = hook
}

func (r *receipts) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var e struct {
		ID string `json:"event_id"`
	}
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.count[e.ID]++
	r.calls++
	calls, hook := r.calls, r.hook
	r.mu.Unlock()
	hook(calls)
}

// A campaign that is killed again and again, and resumed each time, delivers
// every event; none comes twice but those in flight, which are named.
func TestKilledAndResumed(t *testing.T) { killAndResume(t, 2, 200) }

// killAndResume kills a campaign of so many records so many times, and resumes it.
func killAndResume(t *testing.T, kills, records int) {
	t.Helper()
	t.Parallel()
	rec := &receipts{count: map[string]int{}}
	srv := httptest.NewServer(rec)
	defer srv.Close()
	journal := filepath.Join(t.TempDir(), "journal")
	args := []string{"send", "--records", fmt.Sprint(records), "--to", srv.URL, "--journal", journal, "--output", "json", "--workers", "8"}
	named := map[string]int{}
	var last line
	for run := 0; run <= kills; run++ {
		cmd := program(t, args...)
		var out bytes.Buffer
		cmd.Stdout = &out
		died := make(chan struct{})
		rec.set(func(calls int) {
			if run < kills && calls == records*(run+1) {
				_ = cmd.Process.Signal(syscall.SIGKILL)
				<-died // the answer to this one never comes
			}
		})
		code := rec.run(t, cmd)
		close(died)
		if run < kills {
			if code != -1 {
				t.Fatalf("it ended with %d before it was killed", code)
			}
			args = append(args[:len(args):len(args)], "--resume")
			// What the next run will have to name, had it written its summary.
			for _, id := range inFlight(t, journal, records) {
				named[id]++
			}
			continue
		}
		if code != exitOK {
			t.Fatalf("exit %d: %s", code, out.String())
		}
		lines := readLines(t, out.Bytes())
		last = lines[len(lines)-1]
	}
	plan := program(t, append(args, "--dry-run")...)
	planned, err := plan.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, count := rec.seen()
	for _, l := range readLines(t, planned) {
		if n := count[l.EventID]; l.Type == "planned" && (n == 0 || n > 1+named[l.EventID]) {
			t.Errorf("%s came %d times, in flight at %d kills", l.EventID, n, named[l.EventID])
		}
	}
	if len(last.Resent) == 0 || last.AcceptedBefore == 0 || last.Accepted+last.AcceptedBefore != last.Events {
		t.Errorf("the summary does not add up: %+v", last)
	}
	for _, e := range last.Resent {
		if named[e.EventID] == 0 {
			t.Errorf("%s is named and was not in flight", e.EventID)
		}
	}
}

// inFlight reads the events' places in the plan that a journal leaves open, and
// gives them as the ids that a dry run of the same plan has there.
func inFlight(t *testing.T, path string, records int) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open := map[int]bool{}
	for text := range strings.Lines(string(raw)) {
		var l struct {
			Started *int
			Seq     *int
		}
		if json.Unmarshal([]byte(text), &l) != nil {
			continue // torn
		}
		if l.Started != nil {
			open[*l.Started] = true
		}
		if l.Seq != nil {
			delete(open, *l.Seq)
		}
	}
	cmd := program(t, "send", "--records", fmt.Sprint(records), "--journal", path, "--resume", "--dry-run", "--output", "json")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	seq := 0
	for _, l := range readLines(t, out) {
		if l.Type == "planned" {
			if open[seq] {
				ids = append(ids, l.EventID)
			}
			seq++
		}
	}
	return ids
}

// Ctrl-C lets what is under way end; the summary says what was left, the
// journal is closed and goes on.
func TestCtrlC(t *testing.T) {
	rec := &receipts{count: map[string]int{}}
	srv := httptest.NewServer(rec)
	defer srv.Close()
	journal := filepath.Join(t.TempDir(), "journal")
	args := []string{"send", "--records", "100", "--to", srv.URL, "--journal", journal, "--output", "json"}
	cmd := program(t, args...)
	said := newInterruptedSeen()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, said
	rec.set(func(calls int) {
		if calls == 50 {
			_ = cmd.Process.Signal(os.Interrupt)
		}
		if calls >= 50 {
			<-said.seen // it is still answered
		}
	})
	if code := rec.run(t, cmd); code != exitInterrupted {
		t.Fatalf("exit %d: %s", code, said)
	}
	before, _ := rec.seen()
	lines := readLines(t, out.Bytes())
	sum := lines[len(lines)-1]
	if !sum.Interrupted || sum.Accepted != before || sum.Accepted+sum.Skipped != sum.Events {
		t.Errorf("%d calls, %+v", before, sum)
	}
	rec.set(func(int) {})
	again, err := program(t, append(args, "--resume")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines = readLines(t, again)
	sum = lines[len(lines)-1]
	calls, _ := rec.seen()
	if sum.AcceptedBefore != before || len(sum.Resent) != 0 || sum.Accepted+before != sum.Events || calls != sum.Events {
		t.Errorf("%d calls before, %d in all, %+v", before, calls, sum)
	}
}

// A second Ctrl-C ends at once even what an endpoint never answers; the
// summary comes all the same, and the resumed run names what was in flight.
func TestCtrlCTwice(t *testing.T) {
	rec := &receipts{count: map[string]int{}}
	srv := httptest.NewServer(rec)
	defer srv.Close()
	journal := filepath.Join(t.TempDir(), "journal")
	args := []string{"send", "message.delivered", "--count", "20", "--timeout", "1h", "--workers", "1", "--to", srv.URL, "--journal", journal, "--output", "json"}
	cmd := program(t, args...)
	said := newInterruptedSeen()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, said
	ended := make(chan struct{})
	rec.set(func(calls int) {
		if calls == 10 {
			_ = cmd.Process.Signal(os.Interrupt)
			<-said.seen
			_ = cmd.Process.Signal(os.Interrupt)
			<-ended
		}
	})
	code := rec.run(t, cmd)
	close(ended)
	if code != exitInterrupted {
		t.Fatalf("exit %d: %s", code, said)
	}
	lines := readLines(t, out.Bytes())
	if sum := lines[len(lines)-1]; !sum.Interrupted || sum.Accepted != 9 {
		t.Errorf("%+v", sum)
	}
	again, err := program(t, append(args, "--resume")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines = readLines(t, again)
	_, count := rec.seen()
	if sum := lines[len(lines)-1]; sum.AcceptedBefore != 9 || len(sum.Resent) != 1 || sum.Accepted != 11 || count[sum.Resent[0].EventID] != 2 {
		t.Errorf("%+v", sum)
	}
}

// interruptedSeen is a standard error. It closes seen once it says that the run is interrupted.
type interruptedSeen struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	once sync.Once
	seen chan struct{}
}

func newInterruptedSeen() *interruptedSeen { return &interruptedSeen{seen: make(chan struct{})} }

func (s *interruptedSeen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Write(p)
	if bytes.Contains(s.buf.Bytes(), []byte("interrupted: ")) {
		s.once.Do(func() { close(s.seen) })
	}
	return len(p), nil
}

func (s *interruptedSeen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}
