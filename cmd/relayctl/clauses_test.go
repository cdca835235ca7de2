package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// repository reads the repository's files of one kind.
func repository(t *testing.T, ext string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) != ext || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		out[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryClauseIsExplained(t *testing.T) {
	t.Parallel()
	contract, clause := repository(t, ".md")["../../docs/contract.md"], regexp.MustCompile(`\bR-[A-Z0-9]+(?:-[A-Z0-9]+)*\b`)
	for path, text := range repository(t, ".go") {
		for _, id := range clause.FindAllString(text, -1) {
			if !strings.Contains(contract, "\n| "+id+" |") {
				t.Errorf("%s names %s, which docs/contract.md does not explain", path, id)
			}
		}
	}
}

func TestReadmeNamesFlagsThatExist(t *testing.T) {
	root := newRootCmd(&app{kill: context.Background()})
	// http1.1 is one of curl.
	known := map[string]bool{"help": true, "version": true, "profile": true, "http": true}
	for _, name := range flagNames(root) {
		known[name] = true
	}
	flag := regexp.MustCompile("(?:^|[\\s`(\"'])--([a-z][a-z-]+)")
	texts := repository(t, ".md")
	for _, path := range []string{"../../README.md", "../../CONTRIBUTING.md", "../../docs/contract.md"} {
		for _, m := range flag.FindAllStringSubmatch(texts[path], -1) {
			if !known[m[1]] {
				t.Errorf("%s names --%s, which no command has", path, m[1])
			}
		}
	}
}
