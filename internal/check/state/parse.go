package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse reads what a probe shows: one JSON value, several of them, or
// text, which is a bag of lines.
func parse(b []byte) any {
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

// View reads the states of one customer. It is not changed once it is made.
type View struct {
	roles  *roles
	ignore []Pointer
	free   map[string]bool // of a lenient view: texts that need not be the same; else nil
}

// NewView makes the view of a customer with that history, which is in the order
// of event time whatever the order of arrival. now is when the history was
// written: dates near it are taken for times. What the pointers name is left out.
func NewView(history []Event, ignore []Pointer, now time.Time) *View {
	return &View{roles: newRoles(history, now), ignore: ignore}
}

// Read reads what a probe shows of the customer; an empty body means absent.
// dropped are the places that were left out because their names say that they
// are about the receiving and not about the customer.
func (v *View) Read(body []byte) (s *State, dropped Patterns) {
	n := normaliser{v, Patterns{}}
	return n.tree(parse(body), nil, ""), n.dropped
}

// Pointer is a JSON pointer in parts; "*" stands for any one part.
type Pointer []string

// ParsePointer reads a JSON pointer (RFC 6901) and says whether it is one.
func ParsePointer(s string) (p Pointer, ok bool) {
	if !strings.HasPrefix(s, "/") {
		return nil, false
	}
	for part := range strings.SplitSeq(s[1:], "/") {
		p = append(p, strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~"))
	}
	return p, true
}

// normaliser is one reading.
type normaliser struct {
	*View
	dropped Patterns
}

// tree normalises a parsed state. path is where it stands, with the keys as
// they are; pattern the same for all customers.
func (n *normaliser) tree(v any, path []string, pattern string) *State {
	switch v := v.(type) {
	case nil:
		return absent()
	case map[string]any:
		return n.objectOf(v, path, pattern)
	case []any:
		out := &State{kind: array}
		v = n.unnumbered(asRows(v), pattern)
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
		return &State{text: n.roles.number(v.String())}
	case string:
		if v == "" {
			return absent() // R-ABSENT holds for what is shown as well
		}
		return n.textOf(v, path, pattern)
	case bool:
		return &State{text: strconv.FormatBool(v)}
	}
	return &State{text: fmt.Sprint(v)}
}

// textOf normalises a text. JSON in it, such as a body that was kept as it came,
// is read as JSON.
func (n *normaliser) textOf(s string, path []string, pattern string) *State {
	if t := strings.TrimSpace(s); strings.HasPrefix(t, "{") && json.Valid([]byte(t)) {
		return n.tree(parse([]byte(t)), path, pattern)
	}
	return &State{text: n.roles.text(n.lenientText(s))}
}

// unnumbered are the elements of a list without what numbers them.
func (n *normaliser) unnumbered(list []any, pattern string) []any {
	if len(list) == 0 {
		return list
	}
	for _, name := range numbering(list) {
		n.dropped[pattern+"/*/"+name] = true
		rest := make([]any, len(list))
		for i, e := range list {
			element := maps.Clone(e.(map[string]any))
			delete(element, name)
			rest[i] = element
		}
		list = rest
	}
	return list
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

func (n *normaliser) objectOf(v map[string]any, path []string, pattern string) *State {
	out := &State{kind: object}
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := append(path[:len(path):len(path)], name)
		key := n.roles.key(n.lenientText(name))
		under := pattern + "/" + keyPattern(key)
		if n.ignored(at) {
			continue
		}
		if bookkeeping(name, v[name], strings.Contains(pattern, "*")) {
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
	return slices.ContainsFunc(n.ignore, func(pointer Pointer) bool {
		return slices.EqualFunc(pointer, path, func(want, have string) bool { return want == have || want == "*" })
	})
}
