package report

import (
	"encoding/xml"
	"io"
	"strconv"
	"time"
)

// JUnit is a report that continuous integration reads. It keeps to what Ant's
// and Jenkins' schemas have in common.
type JUnit struct{ Suites []JUnitSuite }

// JUnitSuite is a group of cases that ran together.
type JUnitSuite struct {
	Name       string // not empty
	Began      time.Time
	Took       time.Duration
	Properties []JUnitProperty
	Cases      []JUnitCase
	Output     string // text to show beside the cases
}

// JUnitProperty is a fact about a suite's run.
type JUnitProperty struct{ Name, Value string }

// JUnitResult says how a case ended.
type JUnitResult int

// The results.
const (
	JUnitPassed  JUnitResult = iota
	JUnitFailed              // what was tested fell short
	JUnitError               // the test itself could not be made
	JUnitSkipped             // left out
)

// JUnitCase is one thing that was tested.
type JUnitCase struct {
	Class, Name string // not empty
	Took        time.Duration
	Result      JUnitResult
	Kind        string // of failures and errors: a word to group them by
	Message     string // in a line; not of passed cases
	Detail      string // more lines
}

type junitXML struct {
	XMLName xml.Name        `xml:"testsuites"`
	Suites  []junitSuiteXML `xml:"testsuite"`
}

type junitSuiteXML struct {
	Name      string `xml:"name,attr"`
	Package   string `xml:"package,attr"`
	ID        int    `xml:"id,attr"`
	Timestamp string `xml:"timestamp,attr"`
	Hostname  string `xml:"hostname,attr"`
	Tests     int    `xml:"tests,attr"`
	Failures  int    `xml:"failures,attr"`
	Errors    int    `xml:"errors,attr"`
	Skipped   int    `xml:"skipped,attr"`
	Time      string `xml:"time,attr"`
	// A schema asks for the element where it is empty, too.
	Properties struct {
		List []junitPropertyXML `xml:"property"`
	} `xml:"properties"`
	Cases []junitCaseXML `xml:"testcase"`
	Out   string         `xml:"system-out"`
	Err   string         `xml:"system-err"`
}

type junitPropertyXML struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCaseXML struct {
	Name    string           `xml:"name,attr"`
	Class   string           `xml:"classname,attr"`
	Time    string           `xml:"time,attr"`
	Failure *junitTroubleXML `xml:"failure"`
	Error   *junitTroubleXML `xml:"error"`
	Skipped *junitSkippedXML `xml:"skipped"`
}

type junitTroubleXML struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitSkippedXML struct {
	Message string `xml:"message,attr,omitempty"`
}

// Write writes the report as XML. Characters that XML does not know are
// replaced.
func (j JUnit) Write(w io.Writer) error {
	var out junitXML
	for i, s := range j.Suites {
		out.Suites = append(out.Suites, s.xml(i))
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s JUnitSuite) xml(id int) junitSuiteXML {
	out := junitSuiteXML{
		Name: s.Name, Package: s.Name, ID: id, Timestamp: s.Began.UTC().Format("2006-01-02T15:04:05"),
		// The machine's name is nobody's business.
		Hostname: "localhost", Tests: len(s.Cases), Time: junitSeconds(s.Took), Out: s.Output,
	}
	for _, p := range s.Properties {
		out.Properties.List = append(out.Properties.List, junitPropertyXML(p))
	}
	for _, c := range s.Cases {
		x := junitCaseXML{Name: c.Name, Class: c.Class, Time: junitSeconds(c.Took)}
		trouble := &junitTroubleXML{Message: c.Message, Type: c.Kind, Text: c.Detail}
		switch c.Result {
		case JUnitFailed:
			x.Failure = trouble
			out.Failures++
		case JUnitError:
			x.Error = trouble
			out.Errors++
		case JUnitSkipped:
			x.Skipped = &junitSkippedXML{c.Message}
			out.Skipped++
		case JUnitPassed:
		}
		out.Cases = append(out.Cases, x)
	}
	return out
}

func junitSeconds(d time.Duration) string {
	return strconv.FormatFloat(max(0, d.Seconds()), 'f', 3, 64)
}
