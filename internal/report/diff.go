package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"relayctl/internal/capture"
	"relayctl/internal/report/term"
)

// Compared is what is shown of two requests of a capture.
type Compared struct {
	NumberA, NumberB uint64
	A, B             *capture.Record
	Differences      []capture.Difference
	Body             capture.BodyRelation
}

// Diff shows the differences of two requests.
func Diff(w io.Writer, st *term.Style, c Compared) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, diffHead(st, st.Bad("-"), c.NumberA, c.A))
	fmt.Fprintln(b, diffHead(st, st.Good("+"), c.NumberB, c.B))
	part := ""
	for _, d := range c.Differences {
		if d.Part != part {
			part = d.Part
			fmt.Fprintln(b, st.Bold(part))
		}
		writeDifference(b, st, d)
	}
	switch c.Body {
	case capture.SameBytes:
		fmt.Fprintf(b, "%s identical, byte for byte (%s)\n", st.Bold("body"), term.Count(len(c.A.Body), "byte"))
	case capture.SameJSON:
		fmt.Fprintf(b, "%s the same JSON, written differently (%s and %s)\n", st.Bold("body"), term.Count(len(c.A.Body), "byte"), term.Count(len(c.B.Body), "byte"))
	}
	return b.Flush()
}

func diffHead(st *term.Style, sign string, n uint64, r *capture.Record) string {
	name := term.Clean(r.EventName)
	if name == "" {
		name = "(no event)"
	}
	return fmt.Sprintf("%s #%d %s %s %s", sign, n, st.Dim(moment(r.ReceivedAt.UTC())), st.Name(r.EventName, name), st.Dim(term.ShortID(r.EventID)))
}

// writeDifference writes the two values on lines below one another, so that they
// are easy to compare.
func writeDifference(w io.Writer, st *term.Style, d capture.Difference) {
	path := term.Clean(d.Path)
	if path == "" {
		path = "(whole)"
	}
	fmt.Fprintf(w, "  %s\n", path)
	side := func(sign string, tone func(string) string, value *string) {
		if value == nil {
			return
		}
		text := term.Clean(*value)
		if st.Width > 0 {
			text = term.Cut(text, max(st.Width-6, 10))
		}
		fmt.Fprintf(w, "    %s %s\n", tone(sign), text)
	}
	side("-", st.Bad, d.A)
	side("+", st.Good, d.B)
}

type differenceJSON struct {
	Type string `json:"type"`
	Part string `json:"part"`
	Path string `json:"path"`
	A    any    `json:"a"`
	B    any    `json:"b"`
}

func newDifferenceJSON(d capture.Difference) differenceJSON {
	return differenceJSON{"difference", d.Part, d.Path, differing(d, d.A), differing(d, d.B)}
}

// differing is a value as JSON has it: a status is a number, or null where there is none.
func differing(d capture.Difference, value *string) any {
	if value == nil {
		return nil
	}
	if d.Path != "status" || d.Part != "request" && d.Part != "answer" {
		return *value
	}
	if status, err := strconv.Atoi(*value); err == nil {
		return status
	}
	return nil
}

// DiffJSON writes the same as NDJSON: a line for a difference, and a last one
// that says how the bodies compare.
func DiffJSON(w io.Writer, c Compared) error {
	l := newLines(w)
	for _, d := range c.Differences {
		l.put(newDifferenceJSON(d))
	}
	l.put(map[string]any{
		"type": "summary", "a": c.NumberA, "b": c.NumberB, "differences": len(c.Differences), "body": c.Body,
	})
	return l.flush()
}
