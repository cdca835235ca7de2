package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzStretches holds that no byte is lost, that the lines are counted, and that
// it does not matter how the text comes.
func FuzzStretches(f *testing.F) {
	f.Add("{}\n{\n}\n\n{\"a\":\n{}}\nx\n{")
	f.Add("\n\n{}")
	f.Add("{" + strings.Repeat("x", 100) + "\n{" + strings.Repeat("y", 100))
	f.Fuzz(func(t *testing.T, text string) {
		cut := func(r *bufio.Reader) (parts []string, all string) {
			s := stretches{r: r}
			for s.scan() {
				if want := 1 + strings.Count(all, "\n"); s.line != want {
					t.Fatalf("stretch %q begins on line %d, not %d", s.text, s.line, want)
				}
				parts = append(parts, string(s.text))
				all += string(s.text)
			}
			return parts, all
		}
		parts, all := cut(bufio.NewReaderSize(bytes.NewReader([]byte(text)), 1<<20))
		if strings.TrimSpace(strings.TrimPrefix(text, all)) != "" || !strings.HasPrefix(text, all) {
			t.Fatalf("%q became %q", text, parts)
		}
		slow, _ := cut(bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(text)), 16))
		if strings.Join(slow, "|") != strings.Join(parts, "|") {
			t.Fatalf("%q, in small pieces %q", parts, slow)
		}
	})
}
