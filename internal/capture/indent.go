package capture

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// deepest is the deepest nesting of JSON that Indent takes. Indentation grows with the
// square of the nesting: 60 kB of brackets would become gigabytes.
const deepest = 16

// Indent lays JSON out with a line for each member, and says false for a body that is
// not JSON or is nested so deeply that the indents alone would fill the memory. Names
// that stand twice and broken UTF-8 are kept as they are. It does not change body.
func Indent(body []byte) (text []byte, ok bool) {
	if len(body) == 0 || nesting(body) > deepest {
		return nil, false
	}
	v := jsontext.Value(bytes.Clone(body))
	err := v.Format(jsontext.Multiline(true), jsontext.WithIndent("  "), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true))
	return v, err == nil
}

// nesting is how deeply JSON is nested.
func nesting(text []byte) int {
	depth, most, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}
