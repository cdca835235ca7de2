package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

// only fails unless the folder holds the file, with that text, and nothing else.
func only(t *testing.T, path, text string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%q, %v; want %q", got, err, text)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v; want one file", entries, err)
	}
}

func TestOldContentStaysUntilCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	only(t, path, "old")
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("%q, %v before it was committed", got, err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	only(t, path, "new")
}

// A process that is killed before it writes leaves nothing behind.
func TestNothingIsThereBeforeTheFirstWrite(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "file"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v; want an empty folder", entries, err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	only(t, filepath.Join(dir, "file"), "")
}

func TestDiscardedContentLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Discard()
	f.Discard()
	only(t, path, "old")
}

// A folder took the place in the meantime.
func TestCommitThatFailsLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err == nil {
		t.Error("no error")
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v; want the folder alone", entries, err)
	}
}

func TestWhatIsNotAFileIsRefused(t *testing.T) {
	if _, err := Create(t.TempDir(), 0o600); err == nil {
		t.Error("a folder: no error")
	}
	if _, err := Create(filepath.Join(t.TempDir(), "no", "file"), 0o600); err == nil {
		t.Error("no folder: no error")
	}
}
