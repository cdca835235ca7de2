package input_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"relayctl/internal/input"
)

func TestFilesThatAreNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, folder := range []string{"rule.yaml", "sub"} { // the first is near, but not a file
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"rules.yaml", filepath.Join("sub", "events.jsonl")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("gone", "link"); err != nil {
		t.Skip(err)
	}
	for path, want := range map[string]string{
		"rulez.yaml":       `rulez.yaml: no such file; did you mean "rules.yaml"?`,
		"./rulez.yaml":     `./rulez.yaml: no such file; did you mean "./rules.yaml"?`,
		"sub/event.jsonl":  `sub/event.jsonl: no such file; did you mean "sub/events.jsonl"?`,
		"rules.yml":        `rules.yml: no such file; did you mean "rules.yaml"?`,
		"none.yaml":        "none.yaml: no such file", // all YAML files have five letters in common
		"other":            "other: no such file",
		"nowhere/x.yaml":   "nowhere/x.yaml: no such file",
		"link":             "link is a link to a file that is not there",
		"rules.yaml/x":     "rules.yaml/x: not a directory",
		"rule.yaml":        "rule.yaml is a folder, not a file",
		"sub/../rule.yamk": `sub/../rule.yamk: no such file; did you mean "sub/../rules.yaml"?`,
	} {
		_, err := input.Open(context.Background(), path)
		if err == nil || err.Error() != want {
			t.Errorf("Open(%q): %v, want %s", path, err, want)
		}
	}
	_, err := input.Open(context.Background(), "other")
	if file := new(input.FileError); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &file) || file.Path != "other" {
		t.Errorf("%#v is not the error of a file that is missing", err)
	}
}

func TestFilesThatCannotBeWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := os.Create("nowhere/report.json")
	want := "nowhere/report.json: there is no folder nowhere to write it to"
	if got := input.Unwritable("nowhere/report.json", err); got == nil || got.Error() != want || !errors.Is(got, fs.ErrNotExist) {
		t.Errorf("%v, want %s", got, want)
	}
	other := errors.New("something else")
	if got := input.Unwritable("x", other); !errors.Is(got, other) || got.Error() != other.Error() {
		t.Errorf("%v, want %v", got, other)
	}
	if got := input.Unreadable("x", nil); got != nil {
		t.Errorf("of no error: %v", got)
	}
}
