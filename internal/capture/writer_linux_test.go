package capture

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// limitFiles makes the disk look full for files beyond size bytes, until undone.
func limitFiles(t *testing.T, size uint64) (undo func()) {
	t.Helper()
	signal.Ignore(unix.SIGXFSZ)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		signal.Reset(unix.SIGXFSZ)
	}
}

func TestDiskRecovers(t *testing.T) {
	for _, mode := range []Sync{Always, None} {
		path := filepath.Join(t.TempDir(), "c.jsonl")
		w := mustOpen(t, path, Options{Sync: mode})
		add(t, w, "a")
		undo := limitFiles(t, uint64(len(lineOf("a"))+50)) // room for a part of the next line
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := w.Append(&Record{EventID: "lost"}); !errors.Is(err, unix.EFBIG) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		holds(t, path, "a") // no part of it is left behind
		undo()
		add(t, w, "b")
		mustClose(t, w)
		holds(t, path, "a b")
	}
}

func TestLineThatCannotBeTakenBackStaysApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	f := newFile(path, Options{Sync: None})
	f.shorten = func(*os.File, int64) error { return unix.EPERM } // as of an append-only file
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	if err := f.write([]byte(lineOf("a"))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.f.WriteString(`{"v":1,"part`); err != nil {
		t.Fatal(err)
	}
	f.suspect = true
	if err := f.takeBack(); err != nil || !f.torn {
		t.Fatalf("%v, torn %v", err, f.torn)
	}
	if err := errors.Join(f.write([]byte(lineOf("b"))), f.close()); err != nil {
		t.Fatal(err)
	}
	ids, problems := readFile(t, path)
	if strings.Join(ids, " ") != "a b" || len(problems) != 1 {
		t.Errorf("%v %v", ids, problems)
	}
}

// A pipe keeps nothing: it is refused without being opened.
func TestPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, "/dev/null", "/dev/full"} {
		if _, err := Open(p, Options{}); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: got %v", p, err)
		}
	}
}

// Where callers hold every file descriptor, a full file is followed by the next
// all the same.
func TestRotationWithoutDescriptors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.jsonl")
	w := mustOpen(t, path, Options{MaxBytes: 300})
	add(t, w, "a", "b")
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	var held []int
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	for fd, err := unix.Dup(0); err == nil; fd, err = unix.Dup(0) {
		held = append(held, fd)
	}
	for _, id := range []string{"c", "d"} {
		if err := w.Append(&Record{EventID: id, Body: []byte("{}")}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, fd := range held {
		_ = unix.Close(fd)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	mustClose(t, w)
	if files, err := Files(path); err != nil || len(files) < 2 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestReservedSpaceIsInvisibleAndGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	w := mustOpen(t, path, Options{})
	add(t, w, "a")
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Size >= 4096 {
		t.Errorf("readers see %d bytes", st.Size)
	}
	if st.Blocks*512 < reserveAhead {
		t.Skip("this file system reserves no space")
	}
	mustClose(t, w)
	if err := unix.Stat(path, &st); err != nil || st.Blocks*512 > 64<<10 {
		t.Errorf("%d bytes are kept, %v", st.Blocks*512, err)
	}
	holds(t, path, "a")
}

func TestFileThatOthersTouch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	w := mustOpen(t, path, Options{})
	add(t, w, "a")
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "is being written by another process") {
		t.Errorf("a second writer: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	add(t, w, "b")
	holds(t, path, "b")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	add(t, w, "c")
	h, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteString(strings.TrimSpace(lineOf("d"))); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	add(t, w, "e")
	mustClose(t, w)
	holds(t, path, "c d e")
}

// TestKilledWriter kills a writing process and looks for every record that it
// had been told was stored.
func TestKilledWriter(t *testing.T) {
	if path := os.Getenv("RELAYCTL_TEST_CAPTURE"); path != "" {
		writeForever(path)
	}
	path := filepath.Join(t.TempDir(), "c.jsonl")
	stored := map[string]bool{}
	for run := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "RELAYCTL_TEST_CAPTURE="+path, fmt.Sprint("RELAYCTL_TEST_RUN=", run))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(out)
		for n := 0; sc.Scan(); n++ {
			stored[sc.Text()] = true
			if n == 500 {
				if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
	}
	ids, problems := readFile(t, path)
	for _, id := range ids {
		delete(stored, id)
	}
	if len(stored) > 0 || len(ids) < 1500 {
		t.Errorf("%d of the stored records are missing, %d are there: %v", len(stored), len(ids), problems)
	}
	for _, p := range problems {
		if p.Level != "warning" {
			t.Errorf("%+v", p)
		}
	}
}

func writeForever(path string) {
	w, err := Open(path, Options{MaxBytes: 1 << 30})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for g := range 64 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprint(os.Getenv("RELAYCTL_TEST_RUN"), "-", g, "-", n)
				if err := w.Append(&Record{EventID: id, Body: []byte(strings.Repeat("x", 500))}); err != nil {
					os.Exit(1)
				}
				mu.Lock()
				_, _ = os.Stdout.WriteString(id + "\n") // the reader kills us
				mu.Unlock()
			}
		}()
	}
	select {}
}
