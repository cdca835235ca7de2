package capture

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Difference is one thing in which two requests differ.
type Difference struct {
	Part string // "request", "header" or "body"
	// Path names it: method, path or status; a header; a JSON path such as
	// payload.ccid or [2].event_id, "" for the whole body; line 3 of a text.
	Path string
	// A and B are the two values, JSON in a body; nil where there is none.
	A, B *string
}

// BodyRelation says how the bytes of two bodies compare.
type BodyRelation string

// The relations.
const (
	SameBytes BodyRelation = "identical"  // byte for byte
	SameJSON  BodyRelation = "equivalent" // the same JSON, written differently
	OtherJSON BodyRelation = "different"  // told apart by JSON path
	OtherText BodyRelation = "opaque"     // different, and not both are JSON
)

// Diff compares two records: what was asked, the headers, and the bodies by
// their structure. When and from where they came is not compared.
func Diff(a, b *Record) ([]Difference, BodyRelation) {
	var out []Difference
	add := func(part, path, x, y string) {
		if x != y {
			out = append(out, Difference{part, path, &x, &y})
		}
	}
	add("request", "method", a.Method, b.Method)
	add("request", "path", a.Path, b.Path)
	add("request", "status", StatusText(a.Status), StatusText(b.Status))
	out = append(out, diffHeaders(a.Headers, b.Headers)...)
	body, relation := diffBodies(a.Body, b.Body)
	return append(out, body...), relation
}

// StatusText is the status of an answer as people read it: "500", or "no answer" for 0.
func StatusText(status int) string {
	if status == 0 {
		return "no answer"
	}
	return strconv.Itoa(status)
}

func diffHeaders(a, b []Header) []Difference {
	type pair struct{ a, b *string }
	names := map[string]*pair{}
	at := func(name string) *pair {
		if names[name] == nil {
			names[name] = &pair{}
		}
		return names[name]
	}
	for i := range a {
		at(a[i].Name).a = &a[i].Value
	}
	for i := range b {
		at(b[i].Name).b = &b[i].Value
	}
	var out []Difference
	for name, p := range names {
		if p.a == nil || p.b == nil || *p.a != *p.b {
			out = append(out, Difference{"header", name, p.a, p.b})
		}
	}
	slices.SortFunc(out, func(x, y Difference) int { return cmp.Compare(x.Path, y.Path) })
	return out
}

func diffBodies(a, b []byte) ([]Difference, BodyRelation) {
	if bytes.Equal(a, b) {
		return nil, SameBytes
	}
	if !jsontext.Value(a).IsValid(asWritten()) || !jsontext.Value(b).IsValid(asWritten()) {
		return []Difference{diffText(a, b)}, OtherText
	}
	var out []Difference
	diffJSON("", jsontext.Value(a), jsontext.Value(b), &out)
	if out == nil {
		return nil, SameJSON
	}
	return out, OtherJSON
}

// diffText is the first line in which two different texts differ.
func diffText(a, b []byte) Difference {
	for n := 1; ; n++ {
		x, restA, moreA := bytes.Cut(a, []byte("\n"))
		y, restB, moreB := bytes.Cut(b, []byte("\n"))
		if !bytes.Equal(x, y) || moreA != moreB {
			from := sameBytes(x, y)
			d := Difference{Part: "body", Path: fmt.Sprintf("line %d", n), A: excerpt(x, from), B: excerpt(y, from)}
			if bytes.Equal(x, y) { // one text ends with it
				d.Path = fmt.Sprintf("line %d", n+1)
				d.A, d.B = nil, nil
				if moreA {
					d.A = excerpt(firstLine(restA), 0)
				} else {
					d.B = excerpt(firstLine(restB), 0)
				}
			}
			return d
		}
		a, b = restA, restB
	}
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line
}

// sameBytes is how many bytes two texts have in common at their beginning.
func sameBytes(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// What is shown of a line that differs: so much before the difference, and in all.
const (
	excerptBefore = 40
	excerptLength = 200
)

// excerpt is a line from a little before the byte in which it differs.
func excerpt(line []byte, differs int) *string {
	from := 0
	if differs > excerptBefore {
		from = differs - excerptBefore
	}
	for from > 0 && from < len(line) && !utf8.RuneStart(line[from]) {
		from--
	}
	to := min(len(line), from+excerptLength)
	for to < len(line) && to > from && !utf8.RuneStart(line[to]) {
		to--
	}
	text := string(line[min(from, to):to])
	if !utf8.ValidString(text) {
		text = strconv.Quote(text)
	}
	if from > 0 {
		text = "…" + text
	}
	if to < len(line) {
		text += "…"
	}
	return &text
}

// asWritten takes JSON that senders get wrong and receivers read all the same; of
// a name that stands twice the last value counts.
func asWritten() json.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// diffJSON walks two valid values side by side; nil stands for one that is absent.
func diffJSON(path string, a, b jsontext.Value, out *[]Difference) {
	switch {
	case a == nil || b == nil:
	case a.Kind() == '{' && b.Kind() == '{':
		x, y := parts[map[string]jsontext.Value](a), parts[map[string]jsontext.Value](b)
		names := slices.AppendSeq(slices.Collect(maps.Keys(x)), maps.Keys(y))
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			diffJSON(strings.TrimPrefix(path+"."+name, "."), x[name], y[name], out)
		}
		return
	case a.Kind() == '[' && b.Kind() == '[':
		x, y := parts[[]jsontext.Value](a), parts[[]jsontext.Value](b)
		size := max(len(x), len(y))
		x, y = append(x, make([]jsontext.Value, size-len(x))...), append(y, make([]jsontext.Value, size-len(y))...)
		for i := range size {
			diffJSON(fmt.Sprintf("%s[%d]", path, i), x[i], y[i], out)
		}
		return
	}
	if x, y := jsonText(a), jsonText(b); x == nil || y == nil || *x != *y {
		*out = append(*out, Difference{"body", path, x, y})
	}
}

// parts decodes the outermost level of a valid value.
func parts[T any](v jsontext.Value) (out T) {
	_ = json.Unmarshal(v, &out, asWritten()) // it is valid and of that kind
	return out
}

// jsonText writes a valid value on one line, its names sorted; nil for none.
func jsonText(v jsontext.Value) *string {
	if v == nil {
		return nil
	}
	line := v.Clone()
	_ = line.Format(asWritten(), jsontext.ReorderRawObjects(true)) // it is valid
	s := string(line)
	return &s
}
