package report

import (
	"bufio"
	"fmt"
	"io"

	"github.com/mattn/go-runewidth"

	"relayctl/internal/capture"
)

// Compared is what is shown of two requests of a capture.
type Compared struct {
	NumberA, NumberB uint64
	A, B             *capture.Record
	Differences      []capture.Difference
	Body             capture.BodyRelation
}

// Diff shows in what two requests differ.
func Diff(w io.Writer, st *Style, c Compared) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, diffHead(st, st.bad("-"), c.NumberA, c.A))
	fmt.Fprintln(b, diffHead(st, st.good("+"), c.NumberB, c.B))
	part := ""
	for _, d := range c.Differences {
		if d.Part != part {
			part = d.Part
			fmt.Fprintln(b, st.bold(part))
		}
		writeDifference(b, st, d)
	}
	switch c.Body {
	case capture.SameBytes:
		fmt.Fprintf(b, "%s identical, byte for byte (%s)\n", st.bold("body"), plural(len(c.A.Body), "byte"))
	case capture.SameJSON:
		fmt.Fprintf(b, "%s the same JSON, written differently (%d and %d bytes)\n", st.bold("body"), len(c.A.Body), len(c.B.Body))
	}
	return b.Flush()
}

func diffHead(st *Style, sign string, n uint64, r *capture.Record) string {
	name := Clean(r.EventName)
	if name == "" {
		name = "(no event)"
	}
	return fmt.Sprintf("%s #%d %s %s %s", sign, n, st.dim(r.ReceivedAt.UTC().Format(dayLayout+" "+clockLayout)), st.name(r.EventName, name), st.dim(shortID(r.EventID, wideID)))
}

// writeDifference writes a value of both on lines below one another, so that
// they can be compared by eye.
func writeDifference(w io.Writer, st *Style, d capture.Difference) {
	path := Clean(d.Path)
	if path == "" {
		path = "(whole)"
	}
	fmt.Fprintf(w, "  %s\n", path)
	side := func(sign string, tone func(string) string, value *string) {
		if value == nil {
			return
		}
		text := Clean(*value)
		if st.Width > 0 {
			text = runewidth.Truncate(text, max(st.Width-6, 10), "…")
		}
		fmt.Fprintf(w, "    %s %s\n", tone(sign), text)
	}
	side("-", st.bad, d.A)
	side("+", st.good, d.B)
}

type differenceJSON struct {
	Type string  `json:"type"`
	Part string  `json:"part"`
	Path string  `json:"path"`
	A    *string `json:"a"`
	B    *string `json:"b"`
}

// DiffJSON writes the same as NDJSON: a line for a difference, and a last one
// that says how the bodies compare.
func DiffJSON(w io.Writer, c Compared) error {
	l := newLines(w)
	for _, d := range c.Differences {
		l.put(differenceJSON{"difference", d.Part, d.Path, d.A, d.B})
	}
	l.put(map[string]any{
		"type": "summary", "a": c.NumberA, "b": c.NumberB, "differences": len(c.Differences), "body": c.Body,
	})
	return l.flush()
}
