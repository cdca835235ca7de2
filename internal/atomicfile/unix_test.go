//go:build unix

package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Tests in this file do not run beside others: the umask is the process's.

func TestRights(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	for name, tc := range map[string]struct{ before, mode, want fs.FileMode }{
		"new":                         {0, 0o644, 0o640},
		"new and private":             {0, 0o600, 0o600},
		"narrower rights stay":        {0o600, 0o644, 0o600},
		"private in place of public":  {0o644, 0o600, 0o600},
		"rights that the umask lacks": {0o664, 0o666, 0o664},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if tc.before != 0 {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tc.before); err != nil {
				t.Fatal(err)
			}
		}
		if err := WriteFile(path, []byte("text"), tc.mode); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != tc.want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, tc.want)
		}
	}
}

func TestALinkStays(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "elsewhere"), 0o700); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "elsewhere", "file")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	only(t, target, "new")
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
}

func TestWhatMayNotBeWrittenIsNotReplaced(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new"), 0o600); err == nil {
		t.Error("no error")
	}
	only(t, path, "old")
}

func TestAPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, 0o600); err == nil {
		t.Error("no error")
	}
}
