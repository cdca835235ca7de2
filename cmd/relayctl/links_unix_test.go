//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLinksOfOthersAreNotWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	open, closed := filepath.Join(dir, "open"), filepath.Join(dir, "closed")
	for folder, mode := range map[string]os.FileMode{open: 0o777, closed: 0o755} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		for name, to := range map[string]string{"file": filepath.Join(dir, "target"), "folder": dir} {
			if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	me := uint32(os.Geteuid())
	for path, refused := range map[string]bool{
		filepath.Join(open, "file"):             true,
		filepath.Join(open, "folder", "r.json"): true,
		filepath.Join(open, "new"):              false,
		filepath.Join(closed, "file"):           false,
		filepath.Join(dir, "target"):            false,
	} {
		if err := refusePlanted(path, me); err != nil {
			t.Errorf("%s, mine: %v", path, err)
		}
		if os.Geteuid() != 0 {
			continue // only root can give a link away
		}
		for _, link := range []string{filepath.Join(open, "file"), filepath.Join(open, "folder")} {
			if err := os.Lchown(link, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}
		if err := refusePlanted(path, me); (err != nil) != refused {
			t.Errorf("%s, of another user: %v", path, err)
		}
		for _, link := range []string{filepath.Join(open, "file"), filepath.Join(open, "folder")} {
			if err := os.Lchown(link, int(me), -1); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A file beside a report must not lead elsewhere what is written for the report.
func TestTheFileBesideAReportIsNew(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("precious", []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("precious", "r.json.part"); err != nil {
		t.Fatal(err)
	}
	code, out := boundedRun(t, []string{"send", "message.delivered", "--report", "json=r.json"}, nil, nil)
	if got, err := os.ReadFile("precious"); code != exitOK || err != nil || string(got) != "kept" {
		t.Errorf("exit %d, %v: %.80q\n%s", code, err, got, out)
	}
	if info, err := os.Lstat("r.json"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the report is %v, %v", info, err)
	}
}
