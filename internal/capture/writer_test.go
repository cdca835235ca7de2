package capture

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustOpen(t testing.TB, path string, opt Options) *Writer {
	t.Helper()
	w, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func add(t testing.TB, w *Writer, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := w.Append(&Record{EventID: id}); err != nil {
			t.Fatal(err)
		}
	}
}

func mustClose(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) (ids []string, problems []Problem) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return read(t, NewReader(f))
}

// holds checks that a file has exactly these records and nothing else.
func holds(t testing.TB, path, want string) {
	t.Helper()
	ids, problems := readFile(t, path)
	if got := strings.Join(ids, " "); got != want || problems != nil {
		t.Errorf("%s holds %q %v, want %q", filepath.Base(path), got, problems, want)
	}
}

func TestWriterKeepsEveryRecord(t *testing.T) {
	for _, mode := range []Sync{Always, Interval, None} {
		path := filepath.Join(t.TempDir(), "c.jsonl")
		w := mustOpen(t, path, Options{Sync: mode})
		var wg sync.WaitGroup
		for g := range 64 {
			wg.Go(func() {
				for n := range 20 {
					if err := w.Append(&Record{EventID: fmt.Sprint(g, "-", n), Body: []byte("{}")}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		mustClose(t, w)
		ids, problems := readFile(t, path)
		slices.Sort(ids)
		if n := len(slices.Compact(ids)); n != 64*20 || problems != nil {
			t.Errorf("%s: %d records, problems %v", mode, n, problems)
		}
		if err := w.Append(&Record{}); !errors.Is(err, errClosed) {
			t.Errorf("append after close: %v", err)
		}
		mustClose(t, w) // again
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
}

// openCounting opens a writer whose syncs are counted, and fail when fault is set.
func openCounting(t *testing.T, mode Sync) (w *Writer, path string, syncs *atomic.Int64, fault *atomic.Pointer[error]) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "c.jsonl")
	syncs, fault = new(atomic.Int64), new(atomic.Pointer[error])
	f := newFile(path, Options{Sync: mode})
	f.toDisk = func(*os.File) error {
		syncs.Add(1)
		if err := fault.Load(); err != nil {
			return *err
		}
		return nil
	}
	w, err := open(f, Options{Sync: mode})
	if err != nil {
		t.Fatal(err)
	}
	return w, path, syncs, fault
}

func TestSyncModes(t *testing.T) {
	for _, tc := range []struct {
		mode Sync
		want [4]int64 // after two records, after an idle second, another record, the end
	}{
		{Always, [4]int64{2, 2, 3, 3}},
		{Interval, [4]int64{1, 2, 2, 3}}, // the first one at once: the last sync is long ago
		{None, [4]int64{0, 0, 0, 0}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, _, syncs, _ := openCounting(t, tc.mode)
			var got [4]int64
			add(t, w, "a", "b")
			got[0] = syncs.Load()
			time.Sleep(interval)
			synctest.Wait()
			got[1] = syncs.Load()
			add(t, w, "c")
			got[2] = syncs.Load()
			mustClose(t, w)
			if got[3] = syncs.Load(); got != tc.want {
				t.Errorf("%s: %v syncs, want %v", tc.mode, got, tc.want)
			}
		})
	}
}

func TestFailedSyncStoresNothing(t *testing.T) {
	broken := errors.New("disk on fire")
	w, path, _, fault := openCounting(t, Always)
	add(t, w, "a")
	fault.Store(&broken)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := w.Append(&Record{EventID: "lost"}); !errors.Is(err, broken) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	holds(t, path, "a")
	fault.Store(nil)
	add(t, w, "b")
	mustClose(t, w)
	holds(t, path, "a b")
}

func TestFailedIdleSyncIsToldAtOnceAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("disk on fire")
		w, path, _, fault := openCounting(t, Interval)
		var told []string
		w.file.notice = func(s string) { told = append(told, s) }
		add(t, w, "first") // synced by itself, as the first of a second
		add(t, w, "a", "b")
		fault.Store(&broken)
		time.Sleep(3 * interval)
		synctest.Wait()
		if len(told) != 1 || !strings.Contains(told[0], "answered 200 may not be on the disk") {
			t.Errorf("told %q", told)
		}
		if err := w.Append(&Record{EventID: "lost"}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		fault.Store(nil)
		add(t, w, "c")
		if err := w.Close(); !errors.Is(err, broken) {
			t.Errorf("closing says %v, though a and b may be lost", err)
		}
		holds(t, path, "first a b c")
		if len(told) != 1 {
			t.Errorf("told %q", told)
		}
	})
}

// What a moved file owes was answered 200, and is not told as answered 500.
func TestMovedFileThatCannotBeSynced(t *testing.T) {
	w, path, _, fault := openCounting(t, Interval)
	var told []string
	w.file.notice = func(s string) { told = append(told, s) }
	add(t, w, "first", "a") // the second one is not synced yet
	broken := errors.New("disk on fire")
	fault.Store(&broken)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	add(t, w, "b") // into the new file, whose sync is not due yet
	fault.Store(nil)
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("closing says %v, though a may be lost", err)
	}
	if len(told) != 2 || !strings.Contains(told[0], "answered 200 may not be on the disk") || !strings.HasSuffix(told[1], "was moved: a new one of that name is begun") {
		t.Errorf("told %q", told)
	}
	holds(t, path+".1", "first a")
	holds(t, path, "b")
}

func TestCloseMeetsAppends(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "c.jsonl")
		w := mustOpen(t, path, Options{Sync: None})
		stored := make([]int, 8)
		var wg sync.WaitGroup
		for g := range stored {
			wg.Go(func() {
				for {
					if err := w.Append(&Record{EventID: "e"}); err != nil {
						if !errors.Is(err, errClosed) {
							t.Error(err)
						}
						return
					}
					stored[g]++
				}
			})
		}
		runtime.Gosched()
		mustClose(t, w)
		wg.Wait()
		want := 0
		for _, n := range stored {
			want += n
		}
		if ids, problems := readFile(t, path); len(ids) != want || problems != nil {
			t.Fatalf("%d records, %v; %d were stored", len(ids), problems, want)
		}
	}
}

func TestTornTailStaysApart(t *testing.T) {
	for _, tail := range []string{lineOf("two")[:40], "\x00\x00\x00", lineOf("two")[:40] + "\x00"} {
		path := filepath.Join(t.TempDir(), "c.jsonl")
		if err := os.WriteFile(path, []byte(lineOf("one")+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		w := mustOpen(t, path, Options{})
		add(t, w, "three", "four")
		mustClose(t, w)
		ids, problems := readFile(t, path)
		if strings.Join(ids, " ") != "one three four" || len(problems) != 1 || problems[0].Line != 2 || problems[0].Level != "warning" {
			t.Errorf("%q: %v %v", tail, ids, problems)
		}
	}
	path := filepath.Join(t.TempDir(), "c.jsonl")
	if err := os.WriteFile(path, []byte(strings.TrimSpace(lineOf("one"))), 0o600); err != nil {
		t.Fatal(err)
	}
	w := mustOpen(t, path, Options{})
	add(t, w, "two")
	mustClose(t, w)
	holds(t, path, "one two")
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.jsonl")
	line := int64(len(lineOf("e00")))
	for run := range 2 { // the second run goes on counting
		w := mustOpen(t, path, Options{MaxBytes: 3 * line})
		var wg sync.WaitGroup
		for g := range 10 {
			wg.Go(func() {
				if err := w.Append(&Record{EventID: fmt.Sprintf("e%d%d", run, g), Body: []byte("{}")}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		mustClose(t, w)
	}
	for _, other := range []string{"c.1.jsonl", "c.-00001.jsonl", "c.000009.txt", "c.000001.jsonl.gz", "d.000001.jsonl"} {
		if err := os.WriteFile(filepath.Join(dir, other), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Files(path)
	if err != nil || len(files) < 7 || files[0] != filepath.Join(dir, "c.000001.jsonl") || files[len(files)-1] != path {
		t.Fatalf("%v, %v", files, err)
	}
	var all []string
	for _, f := range files {
		ids, problems := readFile(t, f)
		info, err := os.Stat(f)
		if err != nil || info.Size() > 3*line || problems != nil || len(ids) == 0 {
			t.Errorf("%s: %v, %v, %v", f, ids, problems, err)
		}
		all = append(all, ids...)
	}
	if !slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(a[:2], b[:2]) }) {
		t.Errorf("the runs are not in order: %v", all)
	}
	if slices.Sort(all); len(slices.Compact(all)) != 20 {
		t.Errorf("%d records, want 20", len(all))
	}
}

func TestLineLongerThanTheLimitHasItsOwnFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	w := mustOpen(t, path, Options{Sync: None, MaxBytes: 400})
	long := strings.Repeat("x", 1000)
	add(t, w, long, "a", long, "b")
	mustClose(t, w)
	files, err := Files(path)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for i, want := range []string{long, "a", long, "b"} {
		holds(t, files[i], want)
	}
}

func TestRotationThatFailsLosesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.jsonl")
	w := mustOpen(t, path, Options{MaxBytes: 300})
	add(t, w, "a")
	obstacle := filepath.Join(dir, "c.000001.jsonl", "x")
	if err := os.MkdirAll(obstacle, 0o700); err != nil {
		t.Fatal(err)
	}
	w.file.next = 1 // as if it had looked before the obstacle came
	if err := w.Append(&Record{EventID: "b"}); err == nil || !strings.Contains(err.Error(), "cannot rotate: ") {
		t.Errorf("got %v", err)
	}
	if err := os.RemoveAll(filepath.Dir(obstacle)); err != nil {
		t.Fatal(err)
	}
	add(t, w, "c")
	mustClose(t, w)
	holds(t, filepath.Join(dir, "c.000001.jsonl"), "a")
	holds(t, path, "c")
}

// Where neither the sync nor the shortening works, the lines whose senders were
// told 500 are blanked; where that fails too, nothing more is stored.
func TestFailedSyncAndShorteningStoreNothing(t *testing.T) {
	broken := errors.New("disk on fire")
	path := filepath.Join(t.TempDir(), "c.jsonl")
	f := newFile(path, Options{Sync: Always})
	fault := broken
	f.toDisk = func(*os.File) error { return fault }
	f.shorten = func(*os.File, int64) error { return broken }
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	write := func(id string, want error) {
		t.Helper()
		if err := f.write([]byte(lineOf(id))); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", id, err, want)
		}
	}
	fault = nil
	write("a", nil)
	fault = broken
	write("lost", broken)
	write("lost too", broken)
	holds(t, path, "a")
	fault = nil
	write("b", nil)
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "a b")
	if _, problems := readFile(t, path); len(problems) > 0 {
		t.Errorf("readers stumble over the blanks: %v", problems)
	}
}

// A file that another program moved or deleted is left, and that is told.
func TestMovedFileIsNoticed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file keeps its name there")
	}
	dir := t.TempDir()
	path, old := filepath.Join(dir, "c.jsonl"), filepath.Join(dir, "c.jsonl.1")
	var told []string
	w := mustOpen(t, path, Options{Notice: func(msg string) { told = append(told, msg) }})
	add(t, w, "a")
	if err := os.Rename(path, old); err != nil {
		t.Fatal(err)
	}
	add(t, w, "b")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	add(t, w, "c")
	if err := os.Rename(path, old+"1"); err != nil {
		t.Fatal(err)
	}
	w.Reopen()
	for _, err := os.Stat(path); err != nil; _, err = os.Stat(path) { // it is there without any request
		runtime.Gosched()
	}
	w.Reopen() // of the same file is nothing to tell
	add(t, w, "d")
	mustClose(t, w)
	holds(t, old, "a")
	holds(t, old+"1", "c")
	holds(t, path, "d")
	if len(told) != 3 || !strings.Contains(told[0], path+" was moved: a new one") || !strings.Contains(told[1], "was deleted") || !strings.Contains(told[2], "was moved") {
		t.Errorf("told %q", told)
	}
}

func TestOpenSaysWhy(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none", "c.jsonl"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if _, err := ParseSync("alway"); err == nil || !strings.Contains(err.Error(), `did you mean "always"?`) {
		t.Errorf("got %v", err)
	}
	if m, err := ParseSync("interval"); m != Interval || err != nil {
		t.Errorf("got %v, %v", m, err)
	}
}
