package event

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestSyntaxReason(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,}`:                 "found '}', expected the name of a property in double quotes",
		`{'a':1}`:                  "found a single quote, expected the name of a property in double quotes",
		`{"a":None}`:               "found 'N', expected a value",
		`[1 2]`:                    "found '2', expected ',' or ']' after an element",
		"{\"a\":\"x\ny\"}":         `found a line break, expected an escape such as \n, or the double quote that ends the text`,
		`{"a":"\x"}`:               "found `\\x`, expected an escape that JSON has, such as \\n or \\u00e9",
		`{"a":-x}`:                 "found 'x', expected a digit",
		`{"a"}`:                    "found '}', expected ':' after the name of a property",
		`{"a":1 "b"}`:              "found a double quote, expected ',' or '}' after the value of a property",
		`{"a":nil}`:                "found 'i', expected 'u' as in null",
		"{\"a\":\"\xff\"}":         "found a byte that is not UTF-8",
		`{"a":`:                    "it ends too early",
		"\uFEFF{}":                 "found a byte order mark, expected a value",
		strings.Repeat("[", 20000): "found too many brackets inside each other",
	} {
		if got := reasonOf(text); got != want {
			t.Errorf("%.20q: %s, want %s", text, got, want)
		}
	}
}

func reasonOf(text string) string {
	_, err := jsontext.NewDecoder(strings.NewReader(text)).ReadValue()
	return SyntaxReason(err)
}

// Whatever is wrong with a body, it is told in plain words and not in the library's.
func TestSyntaxIsToldInPlainWords(t *testing.T) {
	sample := envelopeWith(`payload={"ccid":null,"x":[true,-1.5e3,"\n\u00e9"]}`)
	for at := range len(sample) {
		for _, odd := range []string{"", "\x00", "\n", `"`, "'", `\`, "{", "}", "[", "]", ",", ":", "7", "x", "\xff", "\u00e9", "\uFEFF"} {
			body := sample[:at] + odd + sample[at+1:]
			_, findings := Decode([]byte(body))
			for _, f := range findings {
				for _, word := range []string{"invalid", "jsontext", "expecting", "literal", "structural", "member", "top-level"} {
					if f.Clause == "R-JSON" && strings.Contains(f.Message, word) {
						t.Fatalf("%s\n%s", body, f.Message)
					}
				}
			}
		}
	}
}
