package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// node is a part of a normalised state: what a probe shows of a customer, with
// roles in the place of what differs from one customer to the next. Two
// customers with the same history have equal nodes.
//
// Arrays and objects are bags: the order of an array's elements does not count,
// for a log lists events as they came, which says nothing about what became of
// them.
type node struct {
	kind nodeKind
	text string   // of a scalar
	keys []string // of an object, beside kids; one key may stand there twice
	kids []*node
}

type nodeKind byte

const (
	scalar nodeKind = iota
	array
	object
)

// absentState is what 404, null and nothing at all are read as.
func absentState() *node { return &node{text: absentText} }

const absentText = "(absent)"

// parseState reads what a probe shows: one JSON value, several of them, or
// text, which is a bag of lines.
func parseState(b []byte) any {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\uFEFF")))
	if len(b) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var values []any
	for {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return parseText(string(b))
		}
		values = append(values, v)
	}
	if len(values) == 1 {
		return values[0]
	}
	return values
}

// parseText makes a tree of text. Lines of the form "name: value" are an
// object, where a name that comes again makes an array; all others are rows,
// whose fields are named by their column.
func parseText(s string) any {
	named := map[string]any{}
	var rows []any
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if name, value, ok := namedLine(line); ok {
			values, _ := named[name].([]any)
			named[name] = append(values, value)
			continue
		}
		rows = append(rows, row(fields(line)))
	}
	if len(named) == 0 {
		return rows
	}
	if len(rows) > 0 {
		named["lines"] = rows
	}
	return named
}

var nameForm = form(`^[A-Za-z_][A-Za-z_0-9 .-]*$`)

// namedLine splits "name: value" and "name = value".
func namedLine(line string) (name, value string, ok bool) {
	i := strings.IndexAny(line, ":=")
	if i <= 0 || i > 40 || line[i] == ':' && i+1 < len(line) && line[i+1] != ' ' {
		return "", "", false
	}
	name = strings.TrimSpace(line[:i])
	return name, strings.TrimSpace(line[i+1:]), nameForm().MatchString(name)
}

// fields splits a row at its delimiter: a bar, a tab, a comma, or white space.
func fields(line string) []string {
	for _, d := range []string{"|", "\t", ","} {
		if strings.Contains(line, d) {
			parts := strings.Split(line, d)
			for i := range parts {
				parts[i] = strings.TrimSpace(parts[i])
			}
			return parts
		}
	}
	return strings.Fields(line)
}

// normaliser normalises the states of one customer.
type normaliser struct {
	roles  *roles
	ignore [][]string // pointers that the user gave
	// dropped collects the patterns of what was left out for its name.
	dropped map[string]bool
}

// tree normalises a parsed state. path is where it stands, with the keys as
// they are; pattern the same for all customers.
func (n *normaliser) tree(v any, path []string, pattern string) *node {
	switch v := v.(type) {
	case nil:
		return absentState()
	case map[string]any:
		return n.objectOf(v, path, pattern)
	case []any:
		out := &node{kind: array}
		v = asRows(v)
		for i, e := range v {
			at := append(path[:len(path):len(path)], strconv.Itoa(i))
			if n.ignored(at) {
				continue
			}
			if kid := n.tree(e, at, pattern+"/*"); kid != nil {
				out.kids = append(out.kids, kid)
			}
		}
		return out
	case json.Number:
		return &node{text: n.roles.number(v.String())}
	case string:
		if v == "" {
			return absentState() // R-ABSENT holds for what is shown as well
		}
		return &node{text: n.roles.text(v)}
	case bool:
		return &node{text: strconv.FormatBool(v)}
	}
	return &node{text: fmt.Sprint(v)}
}

// asRows makes rows of a table that a database's driver wrote as arrays: values
// whose place says what they are.
func asRows(v []any) []any {
	rows := make([]any, len(v))
	for i, e := range v {
		values, ok := e.([]any)
		if first, _ := v[0].([]any); !ok || len(values) < 2 || len(values) != len(first) || slices.ContainsFunc(values, isTree) {
			return v
		}
		rows[i] = row(values)
	}
	return rows
}

func isTree(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return true
	}
	return false
}

// row names values by their column.
func row[T any](values []T) map[string]any {
	r := map[string]any{}
	for i, v := range values {
		r["column "+strconv.Itoa(i+1)] = v
	}
	return r
}

func (n *normaliser) objectOf(v map[string]any, path []string, pattern string) *node {
	out := &node{kind: object}
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := append(path[:len(path):len(path)], name)
		key := n.roles.key(name)
		under := pattern + "/" + keyPattern(key)
		if n.ignored(at) {
			continue
		}
		if bookkeeping(name, strings.Contains(pattern, "*")) {
			n.dropped[under] = true
			continue
		}
		if kid := n.tree(v[name], at, under); kid != nil {
			out.keys = append(out.keys, key)
			out.kids = append(out.kids, kid)
		}
	}
	return out
}

func (n *normaliser) ignored(path []string) bool {
	return slices.ContainsFunc(n.ignore, func(pointer []string) bool {
		return slices.EqualFunc(pointer, path, func(want, have string) bool { return want == have || want == "*" })
	})
}

// canon writes a state in the one way in which equal states are written.
func (s *node) canon() string {
	switch s.kind {
	case scalar:
		return strconv.Quote(s.text)
	case array:
		parts := make([]string, len(s.kids))
		for i, k := range s.kids {
			parts[i] = k.canon()
		}
		slices.Sort(parts)
		return "[" + strings.Join(parts, ",") + "]"
	}
	parts := make([]string, len(s.kids))
	for i, k := range s.kids {
		parts[i] = strconv.Quote(s.keys[i]) + ":" + k.canon()
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

// without returns the state without the parts that match the patterns.
func (s *node) without(patterns map[string]bool, pattern string) *node {
	if len(patterns) == 0 || s.kind == scalar {
		return s
	}
	out := &node{kind: s.kind}
	for i, k := range s.kids {
		under := pattern + "/*"
		if s.kind == object {
			under = pattern + "/" + keyPattern(s.keys[i])
		}
		if patterns[under] {
			continue
		}
		if s.kind == object {
			out.keys = append(out.keys, s.keys[i])
		}
		out.kids = append(out.kids, k.without(patterns, under))
	}
	return out
}

// scalars calls yield with every scalar and its pattern.
func (s *node) scalars(pattern string, yield func(pattern, text string)) {
	for i, k := range s.kids {
		under := pattern + "/*"
		if s.kind == object {
			under = pattern + "/" + keyPattern(s.keys[i])
		}
		if k.kind == scalar {
			yield(under, k.text)
		} else {
			k.scalars(under, yield)
		}
	}
}

// mostDifferences is how many differences are told.
const mostDifferences = 3

// differences words what is different in a state from the one that was wanted,
// the most telling first.
func differences(want, have *node) string {
	var all []string
	compare(want, have, "", func(s string) { all = append(all, s) })
	if len(all) > mostDifferences {
		all = append(all[:mostDifferences], fmt.Sprintf("and %d more", len(all)-mostDifferences))
	}
	return strings.Join(all, "; ")
}

func compare(want, have *node, path string, tell func(string)) {
	if want.canon() == have.canon() {
		return
	}
	if want.kind != have.kind || want.kind == scalar {
		tell(fmt.Sprintf("%s is %s instead of %s", orElse(path, "the state"), have.show(), want.show()))
		return
	}
	if want.kind == array {
		missing, extra := bagDifference(want.kids, have.kids)
		// What differs in one element alone is told in full.
		if len(missing) == 1 && len(extra) == 1 {
			compare(missing[0], extra[0], path+"/*", tell)
			return
		}
		for _, m := range missing {
			tell(path + " lacks " + m.show())
		}
		for _, e := range extra {
			tell(path + " has " + e.show() + " too much")
		}
		return
	}
	for i, key := range want.keys {
		if kid := have.member(key); kid != nil {
			compare(want.kids[i], kid, path+"/"+key, tell)
		} else {
			tell(path + "/" + key + " is missing")
		}
	}
	for i, key := range have.keys {
		if want.member(key) == nil {
			tell(path + "/" + key + " is there, with " + have.kids[i].show())
		}
	}
}

func (s *node) member(key string) *node {
	if i := slices.Index(s.keys, key); i >= 0 {
		return s.kids[i]
	}
	return nil
}

// bagDifference gives the elements that only one of two bags has.
func bagDifference(want, have []*node) (missing, extra []*node) {
	count := map[string]int{}
	for _, k := range want {
		count[k.canon()]++
	}
	for _, k := range have {
		if c := k.canon(); count[c] > 0 {
			count[c]--
		} else {
			extra = append(extra, k)
		}
	}
	for _, k := range want {
		if c := k.canon(); count[c] > 0 {
			count[c]--
			missing = append(missing, k)
		}
	}
	return missing, extra
}

// mostShown bounds how much of a state stands in a sentence.
const mostShown = 160

func (s *node) show() string {
	c := s.canon()
	if s.kind == scalar {
		c = s.text
	}
	if len(c) > mostShown {
		c = strings.ToValidUTF8(c[:mostShown], "") + "…"
	}
	return c
}
