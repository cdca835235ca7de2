package filewatch

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// watch gives a channel of the base names that are told.
func watch(t *testing.T, files ...string) <-chan string {
	t.Helper()
	w, err := New(files...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told, done := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx, func(f string) { told <- filepath.Base(f) })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return told
}

func TestChanges(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "other.yaml")
	write(t, file, "1")
	told := watch(t, file, other)
	steps := []struct {
		name string
		want string
		do   func() error
	}{
		{"written", "rules.yaml", func() error { return os.WriteFile(file, []byte("22"), 0o600) }},
		{"replaced", "rules.yaml", func() error {
			write(t, file+".swp", "333")
			return os.Rename(file+".swp", file)
		}},
		{"deleted", "rules.yaml", func() error { return os.Remove(file) }},
		{"made again", "rules.yaml", func() error { return os.WriteFile(file, []byte("4"), 0o600) }},
		{"the other one", "other.yaml", func() error { return os.WriteFile(other, []byte("5"), 0o600) }},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
		if got := <-told; got != s.want {
			t.Errorf("%s: told of %s", s.name, got)
		}
	}
}

func TestAChangeBehindALink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	target, link := filepath.Join(elsewhere, "real.yaml"), filepath.Join(dir, "rules.yaml")
	write(t, target, "1")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	told := watch(t, link)
	write(t, target, "22")
	if got := <-told; got != "rules.yaml" {
		t.Errorf("told of %s", got)
	}
}

// A checkout takes a folder away and brings another one in its place.
func TestADirectoryThatComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rules")
	file := filepath.Join(dir, "rules.yaml")
	create := func(text string) {
		t.Helper()
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, file, text)
	}
	create("1")
	told := watch(t, file)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	<-told
	create("22")
	<-told
	write(t, file, "333")
	<-told
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Skip(err)
	}
	create("4444")
	<-told
	write(t, file, "55555")
	<-told
}

func TestWhatIsGoneIsLookedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		hints := make(chan struct{})
		var fired atomic.Int32
		go debounce(ctx, hints, func() bool { return fired.Add(1) < 3 })
		hints <- struct{}{}
		time.Sleep(time.Minute)
		if n := fired.Load(); n != 3 {
			t.Errorf("looked %d times, not 3", n)
		}
		cancel()
		synctest.Wait()
	})
}

func TestNeighboursAreNoConcern(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "rules.yaml")
	write(t, file, "1")
	w, err := New(file)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.concerns(filepath.Join(dir, "capture.jsonl")) || !w.concerns(file) {
		t.Error("a neighbour is taken for the file, or the file for a neighbour")
	}
}

func TestABurstIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		hints := make(chan struct{})
		var fired atomic.Int32
		go debounce(ctx, hints, func() bool { fired.Add(1); return false })
		for range 5 {
			hints <- struct{}{}
			time.Sleep(settle / 2)
		}
		if n := fired.Load(); n != 0 {
			t.Errorf("fired %d times within the burst", n)
		}
		time.Sleep(settle)
		hints <- struct{}{}
		time.Sleep(2 * settle)
		if n := fired.Load(); n != 2 {
			t.Errorf("fired %d times for two bursts", n)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAMissingDirectory(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "no", "rules.yaml")); err == nil {
		t.Error("no error")
	}
}
