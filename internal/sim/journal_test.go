package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/internal/sim/plan"

	"github.com/go-json-experiment/json"
)

func journalAt(t *testing.T, path string, resume bool) *Journal {
	t.Helper()
	j, err := OpenJournal(path, JournalHeader{Seed: 7, Start: testStart}, resume)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func closeJournal(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func numberedPlan(n int) plan.Stream {
	var ds []plan.Delivery
	for i := range n {
		ds = append(ds, one(fmt.Sprint("e", i), uint64(i)))
	}
	return plan.Of(ds...)
}

func runWith(ctx context.Context, t *testing.T, cfg SenderConfig, p plan.Stream) (Summary, error) {
	t.Helper()
	s, err := NewSender(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s.Run(ctx, p, nil)
}

func TestAResumedRunSendsOnlyWhatWasNotAccepted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{began: time.Now(), answer: func(_ int, body string) int {
			if strings.Contains(body, `"e3"`) {
				return 400
			}
			return 200
		}}
		cfg := relay()
		cfg.URL, cfg.Dial = "http://relay.test/", e.dial
		cfg.Journal = journalAt(t, path, false)
		if sum, err := runWith(t.Context(), t, cfg, numberedPlan(10)); err != nil || sum.Accepted != 9 || sum.Refused != 1 {
			t.Fatal(sum, err)
		}
		closeJournal(t, cfg.Journal)
		e.answer = func(int, string) int { return 200 }
		before := len(e.bodies)
		cfg.Journal = journalAt(t, path, true)
		sum, err := runWith(t.Context(), t, cfg, numberedPlan(10))
		closeJournal(t, cfg.Journal)
		e.handlers.Wait()
		again := e.bodies[before:]
		if err != nil || len(again) != 1 || !strings.Contains(again[0], `"e3"`) || sum.AcceptedBefore != 9 || sum.Skipped != 9 || !sum.OK() || len(sum.Resent) != 0 {
			t.Errorf("sent again %v, %+v, %v", again, sum, err)
		}
	})
}

func TestAJournalOfAnotherPlanIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	cfg := SenderConfig{URL: srv.URL, Journal: journalAt(t, path, false)}
	if _, err := runWith(t.Context(), t, cfg, numberedPlan(10)); err != nil {
		t.Fatal(err)
	}
	closeJournal(t, cfg.Journal)
	for name, p := range map[string]plan.Stream{
		"other bytes":    plan.Of(one("x", 0), one("y", 0)),
		"a shorter plan": numberedPlan(5),
	} {
		cfg.Journal = journalAt(t, path, true)
		if _, err := runWith(t.Context(), t, cfg, p); err == nil || !strings.Contains(err.Error(), "another plan") {
			t.Errorf("%s: %v", name, err)
		}
		closeJournal(t, cfg.Journal)
	}
	for name, open := range map[string]func() (*Journal, error){
		"the seed": func() (*Journal, error) {
			return OpenJournal(path, JournalHeader{Seed: 8, Start: testStart}, true)
		},
		"the start": func() (*Journal, error) { return OpenJournal(path, JournalHeader{Seed: 7}, true) },
		"--batch": func() (*Journal, error) {
			return OpenJournal(path, JournalHeader{Seed: 7, Start: testStart, Args: map[string]string{"--batch": "3"}}, true)
		},
		"holds a run already": func() (*Journal, error) {
			return OpenJournal(path, JournalHeader{Seed: 7, Start: testStart}, false)
		},
	} {
		if _, err := open(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h, ok, err := ReadJournalHeader(path); err != nil || !ok || h.Seed != 7 || !h.Start.Equal(testStart) {
		t.Errorf("%+v %v %v", h, ok, err)
	}
	if _, ok, err := ReadJournalHeader(path + "x"); ok || err != nil {
		t.Errorf("a journal that is not there: %v %v", ok, err)
	}
}

func TestAJournalIsWrittenByOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := journalAt(t, path, false)
	defer closeJournal(t, j)
	if _, err := OpenJournal(path, j.Header, true); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
}

func TestATornJournalGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	j := journalAt(t, path, false)
	n := noter{journal: j}
	for seq := range 3 {
		if err := n.begins(seq); err != nil {
			t.Fatal(err)
		}
		n.ends(noted{seq: seq, kind: Accepted})
	}
	if err := errors.Join(n.begins(3), j.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := OpenJournal(path, JournalHeader{Seed: 7, Start: testStart}, true)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		// What was begun is accepted or under way, never forgotten; a new line
		// stands on its own.
		ended := bytes.Count(whole[:cut], []byte("accepted\""))
		if got := j.Accepted(); got > ended || got < ended-1 || len(j.flight) > 1 {
			t.Errorf("cut at %d: %d accepted, under way %v", cut, got, j.flight)
		}
		if err := errors.Join((&noter{journal: j}).begins(9), j.Close()); err != nil {
			t.Fatal(err)
		}
		j = journalAt(t, path, true)
		if !j.flight[9] {
			t.Errorf("cut at %d: the line after it was lost", cut)
		}
		closeJournal(t, j)
	}
}

// A file of another kind is not written over, also where it has no line end that a
// journal's first line would have.
func TestAFileThatIsNoJournalIsKept(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"my notes", "my notes\n", "{", `{"a":1}`, "\xef\xbb\xbf{", "\x00"} {
		path := filepath.Join(t.TempDir(), "notes.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		torn := text == "{" || text == "\x00" // of a journal that a crash cut short
		_, _, err := ReadJournalHeader(path)
		if torn != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
		j, err := OpenJournal(path, JournalHeader{Seed: 7, Start: testStart}, true)
		if torn != (err == nil) {
			t.Errorf("%q, opened: %v", text, err)
		}
		if err == nil {
			closeJournal(t, j)
			continue
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("%q became %q, %v", text, now, err)
		}
	}
}

// Whichever byte of a journal changes: a run never goes on with a line that says
// something else than what was written.
func TestADamagedJournalIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	j := journalAt(t, path, false)
	n := noter{journal: j}
	for seq := range 2 {
		if err := n.begins(seq); err != nil {
			t.Fatal(err)
		}
		n.ends(noted{seq: seq, id: "e", events: 1, kind: Accepted, attempts: 1, status: 200})
	}
	if err := errors.Join(n.flush(), j.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole[:len(whole)-1] {
		others := []byte{0, '0', '1', ' ', '\n'} // each has its turn
		for _, b := range []byte{others[at%len(others)], whole[at] ^ 1} {
			if b == whole[at] {
				continue
			}
			text := bytes.Clone(whole)
			text[at] = b
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if j, err := OpenJournal(path, JournalHeader{Seed: 7, Start: testStart}, true); err == nil {
				t.Fatalf("byte %d changed from %q to %q: accepted %d", at, whole[at], b, j.Accepted())
			}
		}
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for want, text := range map[string][]byte{
		":3: this line of the journal has zeros in it, as a power cut leaves them": slices.Concat(lines[0], lines[1], make([]byte, 512), []byte("\n"), lines[2]),
		":2: this line of the journal has zeros in it, as a power cut leaves them": slices.Concat(lines[0], make([]byte, 512), lines[1]),
		":3: this line of the journal is damaged: its checksum does not fit":       bytes.Replace(whole, []byte(`"seq":0`), []byte(`"seq":1`), 1),
		":1: this line of the journal is damaged: its checksum does not fit":       bytes.Replace(whole, []byte(`"seed":7`), []byte(`"seed":8`), 1),
		":1: this line of the journal has zeros in it, as a power cut leaves them": slices.Concat(make([]byte, 512), []byte("\n"), whole),
		": a journal of version 3; this relayctl knows versions up to 2":           []byte(`{"type":"journal","v":3,"seed":7,"start":"2026-01-31T12:00:00Z"}` + "\n"),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenJournal(path, JournalHeader{Seed: 7, Start: testStart}, true); err == nil || err.Error() != path+want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestAJournalThatCannotBeWrittenEndsTheRun(t *testing.T) {
	var calls sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Go(func() {}) }))
	defer srv.Close()
	j := journalAt(t, filepath.Join(t.TempDir(), "j"), false)
	j.file.Close()
	sum, err := runWith(t.Context(), t, SenderConfig{URL: srv.URL, Journal: j}, numberedPlan(100))
	if err == nil || !strings.Contains(err.Error(), "journal") || sum.Attempts != 0 {
		t.Errorf("%+v %v: what cannot be noted must not be sent", sum, err)
	}
}

// TestKillChild is the process that TestAKilledRunLosesNothing kills.
func TestKillChild(t *testing.T) {
	url, path := os.Getenv("SIM_KILL_URL"), os.Getenv("SIM_KILL_JOURNAL")
	if url == "" {
		t.Skip("only as a child process")
	}
	cfg := SenderConfig{URL: url, Workers: killWorkers, Journal: journalAt(t, path, true)}
	sum, err := runWith(t.Context(), t, cfg, killPlan(t))
	if err != nil || !sum.OK() {
		t.Fatal(sum, err)
	}
	closeJournal(t, cfg.Journal)
	for _, e := range sum.Resent {
		fmt.Println("resent", e.ID)
	}
}

const (
	killWorkers = 8
	killRecords = 1500
)

func killPlan(t *testing.T) plan.Stream {
	t.Helper()
	p, err := plan.New(plan.Config{Records: killRecords, Seed: 7, Start: testStart})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// arrivals counts what arrives by event and asks for a kill every so often.
type arrivals struct {
	mu    sync.Mutex
	count map[string]int
	calls int
	kill  func()
}

func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e struct {
		ID string `json:"event_id"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		w.WriteHeader(400)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count[e.ID]++
	if a.calls++; a.calls%1000 == 0 && a.kill != nil {
		a.kill()
	}
}

// After each kill -9 in the middle of a campaign the next run continues: no
// event is left out, and none comes twice but those that are named.
func TestAKilledRunLosesNothing(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	a := &arrivals{count: map[string]int{}}
	srv := httptest.NewServer(a)
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "journal")
	resent, kills := map[string]int{}, 0
	for run := 0; ; run++ {
		if run > 50 {
			t.Fatal("it does not get on")
		}
		for _, id := range underWayIn(t, path) {
			resent[id]++
		}
		cmd := exec.Command(exe, "-test.run=^TestKillChild$", "-test.v")
		cmd.Env = append(os.Environ(), "SIM_KILL_URL="+srv.URL, "SIM_KILL_JOURNAL="+path)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		a.mu.Lock()
		err := cmd.Start()
		a.kill = func() { _ = cmd.Process.Kill() }
		a.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if err = cmd.Wait(); err == nil {
			break
		}
		if kills++; !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v\n%s", err, out.String())
		}
	}
	missing, twice := 0, 0
	for d := range killPlan(t) {
		switch id := d.Events[0].ID; {
		case a.count[id] == 0:
			missing++
		case a.count[id] > 1+resent[id]:
			twice++
		}
	}
	if missing > 0 || twice > 0 || kills < 3 {
		t.Errorf("%d left out, %d sent again without being named, after %d kills", missing, twice, kills)
	}
}

// underWayIn names the events that the journal, as a killed run has left it,
// knows to have been begun and not ended.
func underWayIn(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil || len(raw) == 0 {
		return nil
	}
	j := &Journal{path: path, Header: JournalHeader{Seed: 7, Start: testStart}, sums: map[int]uint32{}, flight: map[int]bool{}}
	if _, err := j.read(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	if len(j.flight) > killWorkers {
		t.Errorf("%d under way with %d workers", len(j.flight), killWorkers)
	}
	var ids []string
	for d := range killPlan(t) {
		if past, err := j.past(&d); err != nil {
			t.Fatal(err)
		} else if past == underWay {
			ids = append(ids, d.Events[0].ID)
		}
	}
	return ids
}

func FuzzJournal(f *testing.F) {
	line := func(text string) string { return string(seal([]byte(text), 0)) }
	head := line(`{"type":"journal","v":2,"seed":7,"start":"2026-01-31T12:00:00Z"`)
	f.Add([]byte(head + line(`{"started":1`) + line(`{"seq":1,"outcome":"accepted","event_id":"a","attempts":1,"sum":5`)))
	f.Add([]byte(head + line(`{"started":99999999999999999999`)))
	f.Add([]byte(head + line(`{"seq":-1,"outcome":"accepted"`) + "\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		j := &Journal{path: "j", Header: JournalHeader{Seed: 7, Start: testStart}, sums: map[int]uint32{}, flight: map[int]bool{}}
		n, err := j.read(bytes.NewReader(data))
		if err == nil && (n > int64(len(data)) || n > 0 && data[n-1] != '\n') {
			t.Fatalf("%d whole bytes of %d", n, len(data))
		}
	})
}
