package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeShowsWhatSendPrints holds the README's picture of the first command
// to what it prints, but for times and the port.
func TestReadmeShowsWhatSendPrints(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```\n") // it stands first
	picture, _, _ := strings.Cut(rest, "```\n")
	seed := regexp.MustCompile(`seed (\d+)`).FindStringSubmatch(picture)
	if seed == nil {
		t.Fatal("the picture has no seed")
	}
	out, errs := newOutput(), newOutput()
	env := func(string) (string, bool) { return "", false }
	if code := run(t.Context(), t.Context(), []string{"send", "--seed", seed[1]}, strings.NewReader(""), out, errs, env); code != exitOK {
		t.Fatal(errs.text.String())
	}
	changes := regexp.MustCompile(`\d\d:\d\d:\d\d|127\.0\.0\.1:\d+| *[0-9.]+(µs|ms|s)\b|rate +[0-9.]+`)
	same := func(text string) string { return changes.ReplaceAllString(text, "·") }
	if diff := cmp.Diff(same(picture), same(out.text.String())); diff != "" {
		t.Errorf("the README shows (-) what send does not print (+):\n%s", diff)
	}
}
