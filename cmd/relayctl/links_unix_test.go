//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// No flag that writes follows such a link.
func TestNoFlagWritesThroughLinksOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a link away")
	}
	t.Chdir(t.TempDir())
	record := `{"v":1,"received_at":"2026-01-31T12:00:00.000Z","method":"POST","path":"/","body":"{}","status":200}`
	for name, text := range map[string]string{"rows.csv": "ccid\n1001\n", "capture.jsonl": record + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir("target", 0o700), os.Mkdir("open", 0o700), os.Chmod("open", 0o777), os.Symlink("../target", "open/link"), os.Lchown("open/link", 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"send", "message.delivered", "--journal", "open/link/f"},
		{"send", "message.delivered", "--report", "json=open/link/f"},
		{"send", "--csv", "rows.csv", "--rejects", "open/link/f"},
		{"listen", "--addr", "127.0.0.1:0", "--for", "1ms", "--capture", "open/link/f"},
		{"forecast", "--records", "10", "--report", "json=open/link/f"},
		{"check", "--only", "http.keepalive", "--har", "open/link/f"},
		{"check", "--only", "http.keepalive", "--write-baseline", "open/link/f"},
		{"check", "--only", "http.keepalive", "--save", "open/link"},
		{"inspect", "capture.jsonl", "--har", "open/link/f"},
		{"redact", "capture.jsonl", "-o", "open/link/f"},
	} {
		code, out := boundedRun(t, args, nil, []string{"XDG_CONFIG_HOME=" + t.TempDir()})
		if code == exitOK || !strings.Contains(out, "is a symbolic link of another user") {
			t.Errorf("%q: exit code %d\n%s", args, code, out)
		}
	}
	if entries, err := os.ReadDir("target"); err != nil || len(entries) > 0 {
		t.Errorf("written: %v, %v", entries, err)
	}
}
