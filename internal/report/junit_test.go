package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
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

// checkJUnit holds a report to what the common schemas ask for.
func checkJUnit(t *testing.T, text string) {
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

func junitText(t *testing.T, j JUnit) string {
	t.Helper()
	var out strings.Builder
	if err := j.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJUnitKeepsToTheSchemas(t *testing.T) {
	began := time.Date(2026, 1, 31, 13, 0, 0, 0, time.FixedZone("", 3600))
	j := JUnit{Suites: []JUnitSuite{
		{Name: "send", Began: began, Took: 1500 * time.Millisecond, Properties: []JUnitProperty{{"seed", "7"}}, Output: "a < b", Cases: []JUnitCase{
			{Class: "message.delivered", Name: "all", Took: time.Millisecond},
			{Class: "x", Name: "<&\"'>", Result: JUnitFailed, Kind: "given-up", Message: "no\x00\x1b[31m", Detail: "]]>\nline"},
			{Class: "x", Name: "e", Result: JUnitError, Kind: "token", Message: "m"},
			{Class: "x", Name: "s", Result: JUnitSkipped, Message: "left out"},
		}},
		{Name: "empty"},
	}}
	text := junitText(t, j)
	checkJUnit(t, text)
	for _, want := range []string{
		`timestamp="2026-01-31T12:00:00"`, `tests="4" failures="1" errors="1" skipped="1" time="1.500"`,
		`<property name="seed" value="7">`, `message="no` + "\uFFFD\uFFFD" + `[31m"`, `]]&gt;`, `<skipped message="left out">`, `hostname="localhost"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if err := j.Write(fullDisk{}); err == nil {
		t.Error("a write error is not told")
	}
}

func FuzzJUnit(f *testing.F) {
	f.Add("a\x00b", "<x>")
	f.Fuzz(func(t *testing.T, message, detail string) {
		checkJUnit(t, junitText(t, JUnit{Suites: []JUnitSuite{{Name: "s", Cases: []JUnitCase{
			{Class: "c", Name: fmt.Sprintf("n%s", message), Result: JUnitFailed, Message: message, Detail: detail},
		}}}}))
	})
}
