package report

import (
	"bytes"
	_ "embed" // the page's template
	"html/template"
	"io"
	"sync"
)

// Page is a report as one HTML file: it needs neither the network nor scripts,
// and reads in light and dark and on paper. Everything in it is escaped.
type Page struct {
	Title    string
	Subtitle string
	Verdict  string // in a few words
	Tone     Tone   // of the verdict
	Facts    []Fact // the figures that matter, at the top
	Sections []Section
	Foot     string
}

// Tone colours what is shown; the words beside it always say the same.
type Tone string

// The tones.
const (
	Plain Tone = ""
	Good  Tone = "good"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
	Muted Tone = "muted"
)

// Fact is a labelled value.
type Fact struct {
	Label, Value string
	Note         string // small, below the value
	Tone         Tone
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
	Right bool // numbers
}

// Cell is one value of a table.
type Cell struct {
	Text string
	Tone Tone
	Code bool    // an id, a path: in the typewriter's letters
	Bar  float64 // a bar of this share of the cell, 0 to 1, beside the text
}

// Item is something with details to unfold, such as a check.
type Item struct {
	Badge string // a word: pass, FAIL
	Tone  Tone
	Title string
	Aside string // at the line's end
	Facts []Fact // below each other, values may have several lines
	Code  string // to copy
	Open  bool   // unfolded from the start
}

//go:embed page.html
var pageSource string

// pageTemplate is parsed when the first page is written: most runs write none.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageSource))
})

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	// A template that fails in the middle must not leave half a page.
	var out bytes.Buffer
	if err := pageTemplate().Execute(&out, p); err != nil {
		return err
	}
	_, err := out.WriteTo(w)
	return err
}
