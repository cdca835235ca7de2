package event

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// What the JSON library says of how a text is written.
const (
	notUTF8   = "invalid UTF-8"
	badEscape = "invalid escape sequence "
)

// endsEarly words JSON that ends before its value does.
const endsEarly = "it ends too early"

// faults are the places at which the JSON library meets a character that cannot stand
// there, in its words, and what could.
var faults = []struct{ place, expected string }{
	{"at start of value", "a value"},
	{"at start of string (expecting '\"')", "the name of a property in double quotes"},
	{"after top-level value", "nothing more"},
	{"after object name (expecting ':')", "':' after the name of a property"},
	{"after object value (expecting ',' or '}')", "',' or '}' after the value of a property"},
	{"after array element (expecting ',' or ']')", "',' or ']' after an element"},
	{"in string (expecting non-control character)", `an escape such as \n, or the double quote that ends the text`},
	{"in number (expecting digit)", "a digit"},
}

// characters are the ones that are better named than shown.
var characters = map[string]string{
	`'\''`: "a single quote", `'"'`: "a double quote", `'\n'`: "a line break", `'\r'`: "a line break", `'\t'`: "a tab", `'\ufeff'`: "a byte order mark",
}

// SyntaxReason says in plain words why a text is not JSON: what was found, and what
// would be right in its place. err is an error of the JSON library; where it is another
// one, it is given as it is.
func SyntaxReason(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return endsEarly
	}
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) || syntactic.Err == nil {
		return err.Error()
	}
	reason := syntactic.Err.Error()
	switch reason {
	case notUTF8:
		return "found a byte that is not UTF-8"
	case "object member name must be a string":
		return "expected the name of a property in double quotes"
	case "missing value after object name":
		return "expected a value after the name of a property"
	case "exceeded max depth":
		return "found too many brackets inside each other"
	}
	if escape, ok := strings.CutPrefix(reason, badEscape); ok {
		return "found " + strings.TrimSuffix(escape, " in string") + `, expected an escape that JSON has, such as \n or \u00e9`
	}
	if rest, ok := strings.CutPrefix(reason, "invalid character "); ok {
		return unexpected(rest)
	}
	return reason
}

// isOfText says whether an error is about how a text is written: its bytes or escapes.
func isOfText(err error) bool {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) || syntactic.Err == nil {
		return false
	}
	reason := syntactic.Err.Error()
	return reason == notUTF8 || strings.HasPrefix(reason, badEscape)
}

// unexpected words what the JSON library says after "invalid character".
func unexpected(what string) string {
	for _, f := range faults {
		if found, ok := strings.CutSuffix(what, " "+f.place); ok {
			return "found " + character(found) + ", expected " + f.expected
		}
	}
	found, rest, inLiteral := strings.Cut(what, " in literal ")
	literal, letter, ok := strings.Cut(strings.TrimSuffix(rest, ")"), " (expecting ")
	if inLiteral && ok {
		return fmt.Sprintf("found %s, expected %s as in %s", character(found), letter, literal)
	}
	return "found " + what
}

func character(quoted string) string {
	if name, ok := characters[quoted]; ok {
		return name
	}
	return quoted
}
