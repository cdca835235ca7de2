package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEveryRoomIsDescribed holds the table of rooms in docs/architecture.md to
// the packages there are, and these to the imports that it allows them.
func TestEveryRoomIsDescribed(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]string{} // package to the cell of what it may import
	for _, m := range regexp.MustCompile("(?m)^\\| \\[`([^`]+)`\\]\\([^)]*\\) \\|.*\\| ([^|]+) \\|$").FindAllStringSubmatch(string(page), -1) {
		allowed[m[1]] = m[2]
	}
	for _, top := range []string{"cmd", "fixtures", "internal"} {
		err := filepath.WalkDir(filepath.Join("../..", top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			room := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), filepath.FromSlash("../../")))
			cell, ok := allowed[room]
			if !ok {
				t.Errorf("docs/architecture.md has no row for the package %s", room)
				allowed[room] = "everything"
			}
			for _, spec := range file.Imports {
				imported, _ := strconv.Unquote(spec.Path.Value)
				own, ok := strings.CutPrefix(imported, "relayctl/")
				name := strings.TrimPrefix(own, "internal/")
				if ok && !strings.HasPrefix(cell, "everything") && !slices.Contains(strings.Split(cell, ", "), name) {
					t.Errorf("%s imports %s, which docs/architecture.md does not allow", path, own)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestOnlyCommandsKnowFlags holds that what lies below the commands and below what
// words things for people knows of settings, and not of how they are spelled as flags.
func TestOnlyCommandsKnowFlags(t *testing.T) {
	flag := regexp.MustCompile(`(^|[^-\w])--[a-z]`)
	words := []string{"internal/report", "internal/session", "internal/check/testbed"}
	err := filepath.WalkDir("../../internal", func(path string, _ fs.DirEntry, err error) error {
		room := filepath.ToSlash(strings.TrimPrefix(path, filepath.FromSlash("../../")))
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") ||
			slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(room, w+"/") }) {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && flag.MatchString(lit.Value) {
				t.Errorf("%s: %s spells a flag; the command words it", files.Position(lit.Pos()), lit.Value)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
