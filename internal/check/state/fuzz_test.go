package state

import (
	"strings"
	"testing"
)

func FuzzParsePointer(f *testing.F) {
	for _, seed := range []string{"/updated_at", "/events/*/id", "/a~1b/~0", "", "/", "a", "/~01", "/~2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := ParsePointer(text)
		if ok != strings.HasPrefix(text, "/") || ok && len(p) != strings.Count(text, "/") {
			t.Errorf("%q is %q, %v", text, p, ok)
		}
	})
}
