package main

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The code on the page of the first green run is the code that is tried.
func TestFirstGreenRunQuotesItsFiles(t *testing.T) {
	page, err := os.ReadFile("../../docs/first-green-run.md")
	if err != nil {
		t.Fatal(err)
	}
	quotes := regexp.MustCompile("(?s)<!-- (\\S+) -->\n```[a-z]+\n(.*?)```\n").FindAllSubmatch(page, -1)
	if len(quotes) != 2 {
		t.Fatalf("%d quotes", len(quotes))
	}
	for _, q := range quotes {
		file, err := os.ReadFile("../../docs/first-green-run/" + string(q[1]))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(file), string(q[2])); diff != "" {
			t.Errorf("%s: %s", q[1], diff)
		}
	}
	for _, q := range regexp.MustCompile("(?s)<!-- in (\\S+) -->\n```[a-z]+\n(.*?)```\n").FindAllSubmatch(page, -1) {
		file, err := os.ReadFile("../../docs/first-green-run/" + string(q[1]))
		if err != nil || !bytes.Contains(file, q[2]) {
			t.Errorf("%s has other lines (%v)", q[1], err)
		}
	}
}
