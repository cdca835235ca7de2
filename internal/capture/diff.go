package capture

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Difference is one thing in which two requests differ.
type Difference struct {
	Part string // "request", "header" or "body"
	// Path names it: method, path or status; a header; a JSON path such as
	// payload.ccid or [2].event_id, "" for the whole body.
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
	add("request", "status", statusText(a.Status), statusText(b.Status))
	out = append(out, diffHeaders(a.Headers, b.Headers)...)
	body, relation := diffBodies(a.Body, b.Body)
	return append(out, body...), relation
}

func statusText(status int) string {
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
	x, errX := decodeJSON(a)
	y, errY := decodeJSON(b)
	if errX != nil || errY != nil {
		i := 0
		for i < len(a) && i < len(b) && a[i] == b[i] {
			i++
		}
		from, to := fmt.Sprintf("%d bytes, other from byte %d on", len(a), i+1), fmt.Sprintf("%d bytes", len(b))
		return []Difference{{"body", "", &from, &to}}, OtherText
	}
	var out []Difference
	diffJSON("", x, y, &out)
	if out == nil {
		return nil, SameJSON
	}
	return out, OtherJSON
}

func decodeJSON(text []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err = dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err = dec.Token(); err != io.EOF { //nolint:errorlint // the decoder returns it as it is
		return nil, fmt.Errorf("more text after the value")
	}
	return v, nil
}

// diffJSON walks two values side by side.
func diffJSON(path string, a, b any, out *[]Difference) {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			break
		}
		var keys []string
		for k := range x {
			keys = append(keys, k)
		}
		for k := range y {
			if _, both := x[k]; !both {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			at := strings.TrimPrefix(path+"."+k, ".")
			vx, inA := x[k]
			vy, inB := y[k]
			diffElement(at, vx, vy, inA, inB, out)
		}
		return
	case []any:
		y, ok := b.([]any)
		if !ok {
			break
		}
		for i := range max(len(x), len(y)) {
			var vx, vy any
			if i < len(x) {
				vx = x[i]
			}
			if i < len(y) {
				vy = y[i]
			}
			diffElement(fmt.Sprintf("%s[%d]", path, i), vx, vy, i < len(x), i < len(y), out)
		}
		return
	}
	if x, y := jsonText(a), jsonText(b); x != y {
		*out = append(*out, Difference{"body", path, &x, &y})
	}
}

func diffElement(path string, a, b any, inA, inB bool, out *[]Difference) {
	d := Difference{Part: "body", Path: path}
	switch {
	case inA && inB:
		diffJSON(path, a, b, out)
		return
	case inA:
		text := jsonText(a)
		d.A = &text
	default:
		text := jsonText(b)
		d.B = &text
	}
	*out = append(*out, d)
}

// jsonText writes a decoded value on one line.
func jsonText(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return "" // cannot be: it was decoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}
