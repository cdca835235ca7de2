// Package strictyaml reads YAML documents that people write by hand: scenarios,
// rules, profiles. Parse gives a Document, which decodes into a struct and can
// say where a value stands, for errors of the caller's own. Unknown keys, repeated keys and wrong types are errors with file, line,
// column and the nearest right key. It does not know what the documents mean.
package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"relayctl/internal/input"
	"relayctl/internal/suggest"
)

// The limits of a document: far above what a person writes, far below what hurts.
const (
	MaxSize  = 4 << 20 // bytes
	maxDepth = 100
)

// Empty is the message of the Error of a file without a document.
const Empty = "the file is empty"

// Error is a fault in a document. Its text is one line: file, line, column and
// what is wrong.
type Error struct {
	File         string
	Line, Column int // from 1; 0 when the fault is the whole document's
	Message      string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Document is a parsed YAML document that knows where its values stand. It is
// not safe for concurrent use.
type Document struct {
	file string
	tree *ast.File
}

// Parse reads one YAML document; file is its name in errors. Anchors and
// aliases are refused, so that a small file cannot grow. Every error is an
// *Error.
func Parse(file string, data []byte) (_ *Document, err error) {
	d := &Document{file: file}
	defer d.recover(&err)
	if len(data) > MaxSize {
		return nil, &Error{File: file, Message: fmt.Sprintf("the file is larger than %d MiB", MaxSize>>20)}
	}
	if data, err = input.Text(data); err != nil {
		return nil, &Error{File: file, Message: err.Error()}
	}
	tokens := lexer.Tokenize(string(data))
	if err := d.checkTokens(tokens); err != nil {
		return nil, err
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, d.wrap(err, nil)
	}
	d.tree = tree
	bodies := 0
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			bodies++
		}
	}
	switch {
	case bodies == 0:
		return nil, &Error{File: file, Message: Empty}
	case len(tree.Docs) > 1:
		return nil, &Error{File: file, Message: "the file holds several documents; one is expected"}
	}
	return d, nil
}

// checkTokens refuses what could make the parser or the result explode.
func (d *Document) checkTokens(tokens token.Tokens) error {
	depth := 0
	for _, tk := range tokens {
		switch tk.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return d.at(tk, "anchors, aliases and merge keys are not supported")
		case token.TagType:
			return d.at(tk, "tags are not supported")
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if depth > maxDepth || tk.Position.IndentNum > 20*maxDepth {
			return d.at(tk, "the document is nested too deeply")
		}
		keepText(tk)
	}
	return nil
}

// plainNumber is a number as JSON writes it.
var plainNumber = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
})

// keepText makes a text of what only YAML takes for a number, and people write as
// a text: 0555 is not an octal number, and 1_2 is not twelve.
func keepText(tk *token.Token) {
	switch tk.Type {
	case token.IntegerType, token.FloatType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType:
		if !plainNumber().MatchString(tk.Value) {
			tk.Type = token.StringType
		}
	}
}

// Source gives the text of the single value at path as it is written, and ""
// where there is none.
func (d *Document) Source(path string) string {
	p, err := yaml.PathString(path)
	if err != nil {
		return ""
	}
	node, err := p.FilterFile(d.tree)
	if err != nil {
		return ""
	}
	var w Words
	if w.add(node) != nil {
		return ""
	}
	return w.List[0]
}

// Decode decodes the document into v, a pointer to a struct with yaml tags.
// Unknown and repeated keys and values of another type are errors.
func (d *Document) Decode(v any) (err error) {
	defer d.recover(&err)
	// The one document that Parse found; a comment may stand before it.
	body := d.tree.Docs[slices.IndexFunc(d.tree.Docs, func(doc *ast.DocumentNode) bool { return doc.Body != nil })].Body
	if err := yaml.NewDecoder(strings.NewReader(""), yaml.Strict()).DecodeFromNode(body, v); err != nil {
		return d.wrap(err, v)
	}
	return nil
}

// recover makes an error of a panic of the library, whose decoder trusts more of
// the tree than its parser promises: a receiver that loads a file again must
// outlive it.
func (d *Document) recover(err *error) {
	if p := recover(); p != nil {
		*err = &Error{File: d.file, Message: fmt.Sprintf("the document cannot be read: %v", p)}
	}
}

// Errorf makes an Error at the value that path leads to ("$.steps[2].event"),
// or at the nearest value above it that exists.
func (d *Document) Errorf(path, format string, args ...any) error {
	e := &Error{File: d.file, Message: fmt.Sprintf(format, args...)}
	for path != "" {
		if p, err := yaml.PathString(path); err == nil {
			if node, err := p.FilterFile(d.tree); err == nil && node != nil && node.GetToken() != nil {
				e.Line, e.Column = place(node)
				return e
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return e
}

// CheckKeys fails at the first key of the mapping at path that is not known.
func (d *Document) CheckKeys(path string, known []string) error {
	p, err := yaml.PathString(path)
	if err != nil {
		return err
	}
	node, err := p.FilterFile(d.tree)
	if err != nil {
		return err
	}
	if m, ok := node.(ast.MapNode); ok {
		for keys := m.MapRange(); keys.Next(); {
			if tk := keys.Key().GetToken(); !slices.Contains(known, tk.Value) {
				return d.at(tk, unknownKey(tk.Value, known))
			}
		}
	}
	return nil
}

// otherKeys are words that people take for a key, by the key that does it.
var otherKeys = map[string][]string{
	"for":     {"customer", "customers", "ccid", "only"},
	"at":      {"time", "ts", "event_ts", "offset", "delay", "after"},
	"arrives": {"arrival", "arrived", "sent", "send_at"},
	"copies":  {"repeat", "times", "count", "duplicates"},
	"event":   {"name", "event_name", "type"},
	"respond": {"response", "status", "answer", "reply"},
}

func unknownKey(key string, known []string) string {
	for _, k := range known {
		if slices.Contains(otherKeys[k], key) {
			return fmt.Sprintf("unknown key %q; did you mean %q?", key, k)
		}
	}
	return fmt.Sprintf("unknown key %q%s", key, suggest.DidYouMean(key, known))
}

// place is where a value begins: for a mapping its first key, not its colon.
func place(node ast.Node) (line, column int) {
	for {
		switch n := node.(type) {
		case *ast.MappingNode:
			if len(n.Values) == 0 {
				pos := n.GetToken().Position
				return pos.Line, pos.Column
			}
			node = n.Values[0]
		case *ast.MappingValueNode:
			pos := n.Key.GetToken().Position
			return pos.Line, pos.Column
		default:
			pos := n.GetToken().Position
			return pos.Line, pos.Column
		}
	}
}

// wrap turns an error of the library into one line with the nearest right key.
func (d *Document) wrap(err error, v any) error {
	var own *Error
	if errors.As(err, &own) {
		own.File = d.file
		return own
	}
	var e yaml.Error
	if !errors.As(err, &e) {
		return &Error{File: d.file, Message: oneLine(err.Error())}
	}
	msg := oneLine(e.GetMessage())
	var unknown *yaml.UnknownFieldError
	var mismatch *yaml.TypeError
	switch {
	case errors.As(err, &unknown) && e.GetToken() != nil:
		msg = unknownKey(e.GetToken().Value, keysOf(v))
	case errors.As(err, &mismatch):
		msg = fmt.Sprintf("%q is not %s", mismatch.GetToken().Value, kindOf(mismatch.DstType))
	case strings.HasSuffix(msg, "that cannot start any token") && strings.Contains(e.GetMessage(), "\t"):
		msg = "there is a tab; YAML is indented with spaces"
	case strings.HasSuffix(msg, "where sequence is expected"):
		msg = "a list is expected here: [a, b]"
	case strings.HasSuffix(msg, "where mapping is expected"):
		msg = "a mapping is expected here: {key: value}"
	}
	return d.at(e.GetToken(), msg)
}

func (d *Document) at(tk *token.Token, msg string) error {
	e := &Error{File: d.file, Message: msg}
	if tk != nil && tk.Position != nil {
		e.Line, e.Column = tk.Position.Line, tk.Position.Column
	}
	return e
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func kindOf(t reflect.Type) string {
	if t == nil {
		return "what is expected here"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Pointer:
		return kindOf(t.Elem())
	}
	return "a mapping"
}

// keysOf lists the keys of every struct that v can hold.
func keysOf(v any) []string {
	var keys []string
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
			walk(t.Elem())
		case reflect.Struct:
			if seen[t] {
				return
			}
			seen[t] = true
			for f := range t.Fields() {
				if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
					keys = append(keys, name)
				}
				walk(f.Type)
			}
		}
	}
	if v != nil {
		walk(reflect.TypeOf(v))
	}
	return keys
}
