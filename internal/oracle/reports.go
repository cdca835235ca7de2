package oracle

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// junitOrder is the order of elements that the strictest of the common schemas
// (Ant's) asks for, and junitAttrs the attributes that it cannot do without.
var (
	junitOrder = map[string]string{
		"":           "testsuites",
		"testsuites": "(testsuite )*",
		"testsuite":  "properties (testcase )*system-out system-err ",
		"properties": "(property )*",
		"testcase":   "(failure |error |skipped )?",
	}
	junitAttrs = map[string][]string{
		"testsuite": {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"},
		"testcase":  {"name", "classname", "time"},
		"property":  {"name", "value"},
		"failure":   {"message", "type"},
		"error":     {"message", "type"},
	}
)

// JUnit holds a report to what the common schemas ask for.
func JUnit(t testing.TB, text string) {
	t.Helper()
	type open struct{ name, children string }
	stack := []open{{}}
	for dec := xml.NewDecoder(strings.NewReader(text)); ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			stack[len(stack)-1].children += e.Name.Local + " "
			stack = append(stack, open{name: e.Name.Local})
			var attrs []string
			for _, a := range e.Attr {
				attrs = append(attrs, a.Name.Local)
				if a.Name.Local == "name" && a.Value == "" {
					t.Errorf("%s without a name", e.Name.Local)
				}
			}
			for _, need := range junitAttrs[e.Name.Local] {
				if !slices.Contains(attrs, need) {
					t.Errorf("%s lacks %s", e.Name.Local, need)
				}
			}
		case xml.EndElement:
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if want, known := junitOrder[last.name]; known && !regexp.MustCompile("^"+want+"$").MatchString(last.children) {
				t.Errorf("%s holds %q, want %s", last.name, last.children, want)
			}
		}
	}
}

// HTML holds a page to being whole, closed in itself and without scripts.
func HTML(t testing.TB, page string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	depth := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			depth++
			if n := e.Name.Local; n == "script" || n == "img" || n == "link" || n == "b" && len(e.Attr) > 0 {
				t.Errorf("<%s> in the page", n)
			}
			for _, a := range e.Attr {
				if n := a.Name.Local; n == "src" || n == "href" || strings.HasPrefix(n, "on") {
					t.Errorf("attribute %s=%q", n, a.Value)
				}
			}
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 {
		t.Errorf("%d elements are not closed", depth)
	}
	if m := regexp.MustCompile(`url\(|@import|NaN|Inf|ZgotmplZ`).FindString(page); m != "" {
		t.Errorf("%s in the page", m)
	}
}
