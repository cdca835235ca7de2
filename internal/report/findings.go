package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/event"
	"relayctl/internal/report/term"
)

// Findings renders what validate found, as text or as NDJSON, and counts it.
type Findings struct {
	Events, Errors, Warnings int

	documents map[string]int // other files, by what they are

	w    *bufio.Writer
	st   *term.Style
	json *lines
	most int
}

// NewFindings makes the renderer. It counts all findings and shows the first most
// of them, or all if most is 0.
func NewFindings(w io.Writer, st *term.Style, asJSON bool, most int) *Findings {
	f := &Findings{w: bufio.NewWriterSize(w, 64<<10), st: st, most: most}
	if asJSON {
		l := newLines(w)
		f.json = &l
	}
	return f
}

// Document counts a file that holds no events: "scenario".
func (f *Findings) Document(kind string) {
	if f.documents == nil {
		f.documents = map[string]int{}
	}
	f.documents[kind]++
}

type findingJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	EventID string `json:"event_id"`
	event.Finding
}

// Add counts a finding, and writes it unless enough are shown.
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
		f.json.put(findingJSON{file, line, id, fi})
		return
	}
	path := ""
	if fi.Path != "" {
		path = " " + term.Clean(fi.Path)
	}
	clause := ""
	if fi.Clause != "" {
		clause = " " + f.st.Dim(term.Clean(fi.Clause))
	}
	fmt.Fprintf(f.w, "%s:%d: %s%s%s: %s\n", term.Clean(file), line, f.st.FindingTone(fi.Level)(term.Clean(string(fi.Level))), clause, path, term.Clean(fi.Message))
}

// findingText writes a finding without its level: "R-TS event_ts: ...".
func findingText(f *event.Finding) string {
	text := term.Clean(f.Clause) + " "
	if f.Path != "" {
		text += term.Clean(f.Path) + ": "
	}
	return text + term.Clean(f.Message)
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
	var counted []string
	if f.Events > 0 || len(f.documents) == 0 {
		counted = append(counted, term.Count(f.Events, "event"))
	}
	for _, kind := range sortedKeys(f.documents) {
		counted = append(counted, term.Count(f.documents[kind], kind))
	}
	_, err := fmt.Fprintf(stderr, "%s: %s, %s\n", strings.Join(counted, ", "), term.Count(f.Errors, "error"), term.Count(f.Warnings, "warning"))
	return err
}
