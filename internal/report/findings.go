package report

import (
	"bufio"
	"fmt"
	"io"

	"relayctl/internal/event"
)

// Findings renders what validate found, as text or as NDJSON, and counts it.
type Findings struct {
	Events, Errors, Warnings int

	w    *bufio.Writer
	st   *Style
	json *lines
	most int
}

// NewFindings makes the renderer. It shows the first most findings, all of them
// where most is 0, and counts all.
func NewFindings(w io.Writer, st *Style, asJSON bool, most int) *Findings {
	f := &Findings{w: bufio.NewWriterSize(w, 64<<10), st: st, most: most}
	if asJSON {
		l := newLines(w)
		f.json = &l
	}
	return f
}

type findingJSON struct {
	File    string      `json:"file"`
	Line    int         `json:"line"`
	EventID string      `json:"event_id"`
	Clause  string      `json:"clause"`
	Level   event.Level `json:"level"`
	Path    string      `json:"path"`
	Message string      `json:"message"`
}

// Add writes a finding, or only counts it where enough are shown.
func (f *Findings) Add(file string, line int, id string, fi event.Finding) {
	if fi.Level == event.Error {
		f.Errors++
	} else {
		f.Warnings++
	}
	if f.most > 0 && f.Errors+f.Warnings > f.most {
		return
	}
	if f.json != nil {
		f.json.put(findingJSON{file, line, id, fi.Clause, fi.Level, fi.Path, fi.Message})
		return
	}
	path := ""
	if fi.Path != "" {
		path = " " + Clean(fi.Path)
	}
	fmt.Fprintf(f.w, "%s:%d: %s %s%s: %s\n", Clean(file), line, f.st.findingTone(fi.Level)(string(fi.Level)), f.st.dim(fi.Clause), path, Clean(fi.Message))
}

// findingTone is how findings of a level look.
func (s *Style) findingTone(level event.Level) func(string) string {
	if level == event.Error {
		return s.bad
	}
	return s.warn
}

// findingText is a finding after its level: "R-TS event_ts: ...".
func findingText(f *event.Finding) string {
	text := f.Clause + " "
	if f.Path != "" {
		text += Clean(f.Path) + ": "
	}
	return text + Clean(f.Message)
}

// Flush writes out what was added.
func (f *Findings) Flush() error {
	if f.json != nil {
		return f.json.flush()
	}
	return f.w.Flush()
}

// Finish writes the counts to stderr and returns the first error of the
// writing.
func (f *Findings) Finish(stderr io.Writer) error {
	if err := f.Flush(); err != nil {
		return err
	}
	if n := f.Errors + f.Warnings; f.most > 0 && n > f.most {
		fmt.Fprintf(stderr, "the first %d of %d findings are shown; --max-findings 0 shows all\n", f.most, n)
	}
	_, err := fmt.Fprintf(stderr, "%s: %s, %s\n", plural(f.Events, "event"), plural(f.Errors, "error"), plural(f.Warnings, "warning"))
	return err
}
