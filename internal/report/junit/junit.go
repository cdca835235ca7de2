// Package junit writes test reports in JUnit's XML. A Report has suites, which
// have cases.
//
// It does not know what was tested.
package junit

import (
	"encoding/xml"
	"io"
	"strconv"
	"time"
)

// Report is a test report for continuous integration. It uses only what Ant's and
// Jenkins' schemas have in common.
type Report struct{ Suites []Suite }

// Suite is a group of cases that ran together.
type Suite struct {
	Name       string // not empty
	Began      time.Time
	Took       time.Duration
	Properties [][2]string // names and values
	Cases      []Case
	Output     string // text to show beside the cases
}

// Case is one thing that was tested. It passed, unless one of the pointers is set.
type Case struct {
	Name    string   `xml:"name,attr"`      // not empty
	Class   string   `xml:"classname,attr"` // not empty
	Took    Seconds  `xml:"time,attr"`
	Failure *Problem `xml:"failure"` // the test failed
	Error   *Problem `xml:"error"`   // the test could not be run
	Skipped *Skip    `xml:"skipped"` // it was left out
}

// Problem tells what is wrong with a case.
type Problem struct {
	Message string `xml:"message,attr"` // in a line
	Kind    string `xml:"type,attr"`    // a word to group problems by
	Detail  string `xml:",chardata"`    // more lines
}

// Skip tells why a case was left out.
type Skip struct {
	Message string `xml:"message,attr,omitempty"`
}

// Seconds is a duration that is written as a number of seconds.
type Seconds time.Duration

// MarshalText implements encoding.TextMarshaler.
func (s Seconds) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, max(0, time.Duration(s).Seconds()), 'f', 3, 64), nil
}

// suiteXML is a suite as the schemas have it.
type suiteXML struct {
	Name      string  `xml:"name,attr"`
	Package   string  `xml:"package,attr"`
	ID        int     `xml:"id,attr"`
	Timestamp string  `xml:"timestamp,attr"`
	Hostname  string  `xml:"hostname,attr"`
	Tests     int     `xml:"tests,attr"`
	Failures  int     `xml:"failures,attr"`
	Errors    int     `xml:"errors,attr"`
	Skipped   int     `xml:"skipped,attr"`
	Time      Seconds `xml:"time,attr"`
	// The schemas require the element even if it is empty.
	Properties struct {
		List []propertyXML `xml:"property"`
	} `xml:"properties"`
	Cases []Case `xml:"testcase"`
	Out   string `xml:"system-out"`
	Err   string `xml:"system-err"`
}

type propertyXML struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// Write writes the report as XML. Characters that XML does not allow are replaced.
func (r Report) Write(w io.Writer) error {
	var out struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suites  []suiteXML `xml:"testsuite"`
	}
	for i, s := range r.Suites {
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

func (s Suite) xml(id int) suiteXML {
	out := suiteXML{
		Name: s.Name, Package: s.Name, ID: id, Timestamp: s.Began.UTC().Format("2006-01-02T15:04:05"),
		// The name of the machine is private, and the schemas require one.
		Hostname: "localhost", Tests: len(s.Cases), Time: Seconds(s.Took), Cases: s.Cases, Out: s.Output,
	}
	for _, p := range s.Properties {
		out.Properties.List = append(out.Properties.List, propertyXML{p[0], p[1]})
	}
	for _, c := range s.Cases {
		switch {
		case c.Failure != nil:
			out.Failures++
		case c.Error != nil:
			out.Errors++
		case c.Skipped != nil:
			out.Skipped++
		}
	}
	return out
}
