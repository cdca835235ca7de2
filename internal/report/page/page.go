// Package page writes HTML pages with tables and charts. Begin at Page, which is
// made of sections; Chart draws a section's picture as SVG.
//
// It does not know what a page is about: it takes texts and numbers.
package page

import (
	"bytes"
	_ "embed" // the page's template
	"html/template"
	"io"
	"sync"

	"relayctl/internal/report/term"
)

// Page is a report as one HTML file: it needs neither the network nor scripts,
// and can be read in light, in dark and on paper. Everything in it is escaped.
type Page struct {
	Title    string
	Subtitle string
	Verdict  string    // in a few words
	Tone     term.Tone // of the verdict
	Facts    []Fact    // the figures that matter, at the top
	Sections []Section
	Foot     string
}

// Fact is a labelled value.
type Fact struct {
	Label, Value string
	Note         string // small, below the value
	Tone         term.Tone
}

// Section is a part of a page under a heading. What is empty is left out.
type Section struct {
	Title  string
	Note   string // a paragraph below the heading
	Charts []Chart
	Tables []Table
	Items  []Item
	After  string // a remark at the end, such as what was cut
}

// Table is rows under a head; a cell beyond the head is not shown.
type Table struct {
	Head []Column
	Rows [][]Cell
}

// Column is a table's column.
type Column struct {
	Title string
	Right bool // aligned to the right, for numbers
}

// Cell is one value of a table.
type Cell struct {
	Text string
	Tone term.Tone
	Link string  // the anchor of an item on the page that it leads to
	Bar  float64 // draws a bar beside the text, this share of the cell wide, 0 to 1
}

// Item is a line with details to unfold, such as a check.
type Item struct {
	Badge  string // a word: pass, FAIL
	Tone   term.Tone
	Title  string
	Aside  string // at the end of the line
	Facts  []Fact // below each other, values may have several lines
	Code   string // to copy
	Anchor string // what links on the page lead to
	Open   bool   // unfolded from the start
}

//go:embed page.html
var pageSource string

// pageTemplate is parsed only when a page is written: most runs write none.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageSource))
})

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	// If the template fails in the middle, no half page is left behind.
	var out bytes.Buffer
	if err := pageTemplate().Execute(&out, p); err != nil {
		return err
	}
	_, err := out.WriteTo(w)
	return err
}
