package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/check"
)

// CheckText renders a run of check as a tree by group. Every line is written
// out at once.
type CheckText struct {
	w       *bufio.Writer
	st      *Style
	list    []check.Check
	group   string
	idWidth int // of the group
	cause   string
	hidden  map[check.Verdict]int // outcomes that follow from the cause
}

// NewCheckText makes the renderer of check's text output for a run of those
// checks.
func NewCheckText(w io.Writer, st *Style, list []check.Check) *CheckText {
	return &CheckText{w: bufio.NewWriter(w), st: st, list: list, hidden: map[check.Verdict]int{}}
}

// Header says what the run is about.
func (c *CheckText) Header(format string, args ...any) {
	fmt.Fprintln(c.w, c.st.dim(fmt.Sprintf(format, args...)))
	_ = c.w.Flush() // the error comes back with the next write
}

// Trouble implements check.Observer.
func (c *CheckText) Trouble(cause string) {
	c.cause = cause
	fmt.Fprintln(c.w)
	for _, line := range c.st.wrapped(Clean(cause), 0) {
		fmt.Fprintln(c.w, c.st.bad(line))
	}
	_ = c.w.Flush()
}

// Running implements check.Observer.
func (c *CheckText) Running([]string) {}

// Done implements check.Observer.
func (c *CheckText) Done(o *check.Outcome) {
	if c.cause != "" && c.follows(o) {
		c.hidden[o.Verdict]++
		return
	}
	c.st.refit()
	if g := o.Check.Group(); g != c.group {
		c.group, c.idWidth = g, widestID(c.list, g)
		fmt.Fprintf(c.w, "\n%s\n", c.st.bold(g))
	}
	c.outcome(o)
	_ = c.w.Flush()
}

// follows says whether an outcome says no more than the cause above does: it is
// then only counted.
func (c *CheckText) follows(o *check.Outcome) bool {
	return o.Verdict == check.Skip || o.Verdict == check.Blocked || o.Verdict == check.Inconclusive && o.Reason == c.cause
}

// tone is how a verdict looks.
func (s *Style) tone(t Tone) func(string) string {
	switch t {
	case Good:
		return s.good
	case Bad:
		return s.bad
	case Warn:
		return s.warn
	case Muted:
		return s.dim
	}
	return func(t string) string { return t }
}

// verdictWidth is the width of the column of verdicts.
const verdictWidth = 7

// outcome writes a check's line, and what there is to know if it does not hold.
// Nothing is cut: what does not fit goes on below.
func (c *CheckText) outcome(o *check.Outcome) {
	text := o.Check.Title
	detailed := o.Verdict == check.Fail || o.Verdict == check.Warn
	if o.Verdict != check.Pass && (!detailed || o.Actual == "" && o.Reason != "") {
		text = o.Reason
	}
	if o.Flaky != "" {
		text = "flaky " + o.Flaky + ": " + o.Check.Title
	}
	tone := c.st.tone(verdictTone(o.Verdict))
	if o.Known != nil {
		tone = c.st.warn
	}
	word := outcomeWord(o)
	indent := 2 + verdictWidth + 1 + 6 + 1 + c.idWidth + 1
	// The longest verdict takes its room from the id's column.
	head := fmt.Sprintf("  %s %-6s %-*s", tone(fmt.Sprintf("%-*s", verdictWidth, word)), o.Check.Level, c.idWidth-max(0, len(word)-verdictWidth), o.Check.ID)
	for _, line := range c.st.wrapped(Clean(text), indent) {
		if o.Verdict == check.Skip || o.Verdict == check.Pass {
			line = c.st.dim(line)
		}
		fmt.Fprintf(c.w, "%s %s\n", head, line)
		head = strings.Repeat(" ", indent-1)
	}
	if detailed {
		for _, row := range detailRows(o) {
			c.row(row[0], row[1])
		}
		if cmd := repeatOf(o); cmd != "" {
			// Not wrapped, so that it can be copied.
			fmt.Fprintf(c.w, "%*s%s %s\n", rowIndent, "", c.st.dim(fit("repeat", rowLabel)), cleanCommand(cmd))
		}
	}
}

// widestID is the width of the longest id of a group.
func widestID(list []check.Check, group string) int {
	width := 0
	for i := range list {
		if list[i].Group() == group {
			width = max(width, len(list[i].ID))
		}
	}
	return width
}

// Widths of the rows below a check.
const (
	rowIndent = 10
	rowLabel  = 8
)

// row writes a labelled paragraph, wrapped to the terminal.
func (c *CheckText) row(label, text string) {
	for _, line := range c.st.wrapped(text, rowIndent+rowLabel+1) {
		fmt.Fprintf(c.w, "%*s%s %s\n", rowIndent, "", c.st.dim(fit(label, rowLabel)), line)
		label = ""
	}
}

// Finish writes the totals and returns the first error of all the writing.
func (c *CheckText) Finish(r *check.Report) error {
	if n := c.hidden[check.Blocked] + c.hidden[check.Inconclusive]; n > 0 {
		more := ""
		if c.hidden[check.Skip] > 0 {
			more = fmt.Sprintf(", and %d do not apply or are not configured", c.hidden[check.Skip])
		}
		for _, line := range c.st.wrapped(fmt.Sprintf("nothing can be said of %s, for the reason above%s", plural(n, "check"), more), 0) {
			fmt.Fprintf(c.w, "\n%s", c.st.warn(line))
		}
		fmt.Fprintln(c.w)
	}
	if len(r.Stale) > 0 {
		fmt.Fprintf(c.w, "\n%s\n", c.st.bold("baseline"))
	}
	for _, text := range r.Stale {
		for _, line := range c.st.wrapped(Clean(text), 2) {
			fmt.Fprintf(c.w, "  %s\n", c.st.bad(line))
		}
	}
	head := statusWord(r) + ":"
	fmt.Fprintf(c.w, "\n%s", c.st.tone(statusTone(r.Status()))(head))
	at := len(head)
	for _, p := range countParts(r) {
		if c.st.Width > 0 && at+1+len(p.text) > c.st.Width {
			fmt.Fprint(c.w, "\n ")
			at = 1
		}
		fmt.Fprintf(c.w, " %s", c.st.tone(p.tone)(p.text))
		at += 1 + len(p.text)
	}
	fmt.Fprintln(c.w)
	return c.w.Flush()
}

// countPart is a part of the line of counts.
type countPart struct {
	text string
	tone Tone
}

// countParts are the parts of the line of counts.
func countParts(r *check.Report) []countPart {
	var parts []countPart
	for _, v := range verdicts() {
		if n := r.Count(v); n > 0 {
			parts = append(parts, countPart{fmt.Sprintf("%d %s", n, v), verdictTone(v)})
		}
	}
	if n := r.KnownFailures(); n > 0 {
		parts = append(parts, countPart{fmt.Sprintf("%d of them known", n), Plain})
	}
	for i := range len(parts) - 1 {
		parts[i].text += ","
	}
	return append(parts, countPart{"in " + human(r.Duration), Plain})
}
