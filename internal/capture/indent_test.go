package capture

import (
	"strings"
	"testing"
)

func TestIndent(t *testing.T) {
	for _, tc := range []struct {
		body, want string
		ok         bool
	}{
		{`{"a":[1,2],"b":{}}`, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}", true},
		{`{"a":1,"a":"\u00e4"}`, "{\n  \"a\": 1,\n  \"a\": \"\\u00e4\"\n}", true},
		{"", "", false},
		{"a=b", "", false},
		{`{"a":`, "", false},
		{strings.Repeat("[", deepest) + strings.Repeat("]", deepest), "", true},
		{`"` + strings.Repeat("[", 9000) + `"`, `"` + strings.Repeat("[", 9000) + `"`, true},
		{strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "", false},
	} {
		before := tc.body
		text, ok := Indent([]byte(tc.body))
		if ok != tc.ok || tc.want != "" && string(text) != tc.want || tc.body != before || len(text) > 10_000 {
			t.Errorf("%.40q: %v %.200q", tc.body, ok, text)
		}
	}
}
