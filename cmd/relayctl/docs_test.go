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

// The page of pipelines explains every word of --fail-on, and names its default.
func TestPipelinePageExplainsFailOn(t *testing.T) {
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	listen, _, err := newRootCmd(&app{}).Find([]string{"listen"})
	if err != nil {
		t.Fatal(err)
	}
	flag := listen.Flags().Lookup("fail-on")
	complete, _ := listen.GetFlagCompletionFunc("fail-on")
	words, _ := complete(listen, nil, "")
	for _, word := range words {
		if !bytes.Contains(page, []byte("\n| `"+word+"` | ")) {
			t.Errorf("%s is not explained", word)
		}
	}
	if want := "The default is `" + flag.DefValue + "`"; len(words) < 2 || !bytes.Contains(page, []byte(want)) {
		t.Errorf("%d words; the page lacks %q", len(words), want)
	}
}
