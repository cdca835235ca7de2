package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinksLead holds every relative link of the pages to a file or folder that
// exists, and its fragment to a heading of that page.
func TestLinksLead(t *testing.T) {
	t.Parallel()
	const root = "../.."
	pages := map[string]string{} // path to text without code blocks
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		pages[path] = code.ReplaceAllString(string(text), "")
		return err
	})
	if err != nil || len(pages) == 0 {
		t.Fatal(len(pages), err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for page, text := range pages {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			path, fragment, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
			} else if fragment != "" && !anchors(pages[target])[fragment] {
				t.Errorf("%s: the link %s names no heading of %s", page, m[1], target)
			}
		}
	}
}

// anchors are the fragments that GitHub gives the headings of a page; headings
// that stand twice are not told apart.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	heading := regexp.MustCompile(`(?m)^#+ +(.*)$`)
	link := regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		text := strings.ToLower(link.ReplaceAllString(m[1], "$1"))
		out[strings.ReplaceAll(dropped.ReplaceAllString(text, ""), " ", "-")] = true
	}
	return out
}
