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
	_, rest, _ := strings.Cut(string(page), "<!-- what send prints -->\n```\n")
	picture, _, _ := strings.Cut(rest, "```\n")
	seed := regexp.MustCompile(`seed (\d+)`).FindStringSubmatch(picture)
	if seed == nil {
		t.Fatal("the picture has no seed")
	}
	out, errs := newOutput(), newOutput()
	if code := run(t.Context(), t.Context(), nil, []string{"send", "--seed", seed[1]}, strings.NewReader(""), out, errs, nil); code != exitOK {
		t.Fatal(errs.text.String())
	}
	changes := regexp.MustCompile(`\d\d:\d\d:\d\d|127\.0\.0\.1:\d+| *[0-9.]+(µs|ms|s)\b|rate +[0-9.]+`)
	same := func(text string) string { return changes.ReplaceAllString(text, "·") }
	if diff := cmp.Diff(same(picture), same(out.text.String())); diff != "" {
		t.Errorf("the README shows (-) what send does not print (+):\n%s", diff)
	}
}

// TestReadmeShowsWhatForecastPrints holds the README's answer to an hour of
// downtime to what the command prints, but for line breaks.
func TestReadmeShowsWhatForecastPrints(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "<!-- what forecast prints -->\n```\n")
	picture, _, _ := strings.Cut(rest, "```\n")
	seed := regexp.MustCompile(`seed (\d+)`).FindStringSubmatch(picture)
	if seed == nil {
		t.Fatal("the picture has no seed")
	}
	out, errs := newOutput(), newOutput()
	args := []string{"forecast", "--records", "10000", "--outage", "1h", "--seed", seed[1]}
	if code := run(t.Context(), t.Context(), nil, args, strings.NewReader(""), out, errs, nil); code != exitOK {
		t.Fatal(errs.text.String())
	}
	if diff := cmp.Diff(strings.Fields(picture), strings.Fields(out.text.String())); diff != "" {
		t.Errorf("the README shows (-) what forecast does not print (+):\n%s", diff)
	}
}
