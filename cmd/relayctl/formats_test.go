package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relayctl/internal/sim"
)

// Files that earlier versions of relayctl wrote are read by this one:
// docs/releasing.md promises it. A folder of testdata/formats is a version.
func TestFilesOfEarlierVersionsAreRead(t *testing.T) {
	for _, tc := range []struct {
		args string
		exit int
		says []string
	}{
		{"inspect capture.jsonl", exitOK, []string{"8 requests", "retries"}},
		{"validate capture.jsonl", exitOK, nil},
		{"send capture.jsonl --once --dry-run", exitOK, []string{"message.delivered"}},
		{"merge report.json", exitOK, []string{"9 events, 3 copies"}},
		{"check --only http.no-redirect --baseline baseline.yaml", exitFellShort, []string{"http.no-redirect"}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/formats/v1")); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "relayctl", strings.Fields(tc.args)...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tc.exit {
				t.Errorf("exit code %d, want %d", got, tc.exit)
			}
			for _, want := range tc.says {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is missing in\n%s", want, out)
				}
			}
		})
	}
}

func TestJournalOfAnEarlierVersionIsContinued(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	text, err := os.ReadFile("testdata/formats/v1/journal.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	header := sim.JournalHeader{
		Seed: 7, Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Args: map[string]string{"WHAT": "journey duplicates message.delivered", "--to": "http://127.0.0.1:8080/"},
	}
	j, err := sim.OpenJournal(path, header, true)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if j.Accepted() != 3 {
		t.Errorf("accepted before: %d, want 3", j.Accepted())
	}
}
