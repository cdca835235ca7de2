package term

import (
	"strings"
	"testing"
)

func TestCleanShowsWhatIsHidden(t *testing.T) {
	for in, want := range map[string]string{
		"plain ü 漢 😀":                       "plain ü 漢 😀",
		"a\x1b[31mb":                        `a\x1b[31mb`,
		"a\nb\tc\rd":                        `a\nb\tc\x0dd`,
		"\u202eevil":                        `\u202eevil`,
		"bad\xff":                           `bad\xff`,
		"c1\u009b31m":                       `c1\u009b31m`,
		"del\x7f":                           `del\u007f`,
		"zero\u200bwidth\u200d\u2060\ufeff": `zero\u200bwidth\u200d\u2060\ufeff`,
		"tag\U000e0041\U000e007f":           `tag\udb40\udc41\udb40\udc7f`,
		"soft\u00adhyphen \u3164\u034f\U000e0100": `soft\u00adhyphen \u3164\u034f\udb40\udd00`,
		"two looks ✌\ufe0e ✌\ufe0f \ufffd":        "two looks ✌\ufe0e ✌\ufe0f \ufffd",
		"line\u2028up":                            `line\u2028up`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;title\x07")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Clean(s); strings.ContainsFunc(got, Unsafe) {
			t.Errorf("%q still has control characters", got)
		}
	})
}
