package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/capture"
	"relayctl/internal/report/term"
)

// ComparedAnswers is a request that stands in two captures, and where the answers to it
// differ.
type ComparedAnswers struct {
	A, B        capture.Answered
	Customer    string
	Differences []capture.Difference
}

// AnswersSummary counts the requests of two captures.
type AnswersSummary struct {
	FileA, FileB string
	Same, Differ int
	OnlyA, OnlyB int            // requests of events that the other one does not have
	MoreA, MoreB int            // further attempts of events that both have
	Dropped      uint64         // requests of A for which there was no memory
	ByPart       map[string]int // requests whose answers differ in that: "status", "body error"
}

// Answers shows where the answers to the same requests differ, each as it is found.
type Answers struct {
	out  *bufio.Writer
	st   *term.Style
	json *lines // nil for text
}

// NewAnswers makes the renderer of text, or of JSON, one object a line.
func NewAnswers(w io.Writer, st *term.Style, json bool) *Answers {
	a := &Answers{out: bufio.NewWriter(w), st: st}
	if json {
		l := newLines(w)
		a.json = &l
	}
	return a
}

// Difference shows one request.
func (a *Answers) Difference(c ComparedAnswers) {
	if a.json != nil {
		for _, d := range c.Differences {
			a.json.put(struct {
				differenceJSON
				EventID   string `json:"event_id"`
				EventName string `json:"event_name"`
				CCID      string `json:"ccid"`
				Before    uint64 `json:"before"`
				After     uint64 `json:"after"`
			}{newDifferenceJSON(d), c.A.Record.EventID, c.A.Record.EventName, c.Customer, c.A.Number, c.B.Number})
		}
		return
	}
	fmt.Fprintf(a.out, "%s %s %s %s\n", a.st.Bold(fmt.Sprintf("#%d → #%d", c.A.Number, c.B.Number)),
		a.st.Name(c.A.Record.EventName, term.NameOf(c.A.Record.EventName)), term.Clean(c.Customer), a.st.Dim(term.ShortID(c.A.Record.EventID)))
	for _, d := range c.Differences {
		d.Path = PartOf(d)
		writeDifference(a.out, a.st, d)
	}
}

// PartOf names what differs: "status", "header Retry-After", "body error.code".
func PartOf(d capture.Difference) string {
	if d.Part == "answer" {
		return d.Path
	}
	return strings.TrimSpace(d.Part + " " + d.Path)
}

// Finish writes the summary.
func (a *Answers) Finish(s AnswersSummary) error {
	if a.json != nil {
		a.json.put(map[string]any{
			"type": "summary", "same": s.Same, "differ": s.Differ, "only_before": s.OnlyA, "only_after": s.OnlyB, "more_before": s.MoreA, "more_after": s.MoreB, "not_held": s.Dropped, "by_part": s.ByPart,
		})
		return a.json.flush()
	}
	if s.Differ > 0 {
		fmt.Fprintln(a.out)
	}
	fmt.Fprintf(a.out, "%s answered alike, %s differently\n", term.Count(s.Same, "request"), a.number(s.Differ))
	for _, part := range sortedKeys(s.ByPart) {
		fmt.Fprintf(a.out, "  %d × %s\n", s.ByPart[part], term.Clean(part))
	}
	for _, unpaired := range []struct {
		what, file, unit string
		n                int
	}{{"only in", s.FileA, "request", s.OnlyA}, {"only in", s.FileB, "request", s.OnlyB}, {"more in", s.FileA, "attempt", s.MoreA}, {"more in", s.FileB, "attempt", s.MoreB}} {
		if unpaired.n > 0 {
			fmt.Fprintf(a.out, "  %s %s: %s\n", unpaired.what, term.Clean(unpaired.file), a.st.Warn(term.Count(unpaired.n, unpaired.unit)))
		}
	}
	if s.Dropped > 0 {
		fmt.Fprintf(a.out, "  not compared, for they are too many to hold: %d of %s\n", s.Dropped, term.Clean(s.FileA))
	}
	return a.out.Flush()
}

func (a *Answers) number(n int) string {
	if n == 0 {
		return "0"
	}
	return a.st.Bad(fmt.Sprint(n))
}
