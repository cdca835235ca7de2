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
	w     *bufio.Writer
	st    *Style
	group string
	same  same
}

// same is a row of outcomes that nothing can be said about for one reason.
type same struct {
	verdict check.Verdict
	reason  string
	ids     []string
}

// NewCheckText makes the renderer of check's text output.
func NewCheckText(w io.Writer, st *Style) *CheckText {
	return &CheckText{w: bufio.NewWriter(w), st: st}
}

// Header says what the run is about.
func (c *CheckText) Header(format string, args ...any) {
	fmt.Fprintln(c.w, c.st.dim(fmt.Sprintf(format, args...)))
	_ = c.w.Flush() // the error comes back with the next write
}

// Trouble implements check.Observer.
func (c *CheckText) Trouble(cause string) {
	fmt.Fprintln(c.w)
	c.para(c.st.bad, "", Clean(cause))
	c.same.reason = cause
	_ = c.w.Flush()
}

// Running implements check.Observer.
func (c *CheckText) Running([]string) {}

// Done implements check.Observer.
func (c *CheckText) Done(o *check.Outcome) {
	// What follows from the cause above is told in one line at the end.
	if (o.Verdict == check.Blocked || o.Verdict == check.Inconclusive) && c.same.reason != "" && o.Reason == c.same.reason {
		c.same.verdict = o.Verdict
		c.same.ids = append(c.same.ids, o.Check.ID)
		return
	}
	if g := o.Check.Group(); g != c.group {
		c.group = g
		fmt.Fprintf(c.w, "\n%s\n", c.st.bold(g))
	}
	c.outcome(o)
	_ = c.w.Flush()
}

// tone is how a verdict looks.
func (s *Style) tone(v check.Verdict) func(string) string {
	switch v {
	case check.Pass:
		return s.good
	case check.Fail:
		return s.bad
	case check.Skip:
		return s.dim
	}
	return s.warn
}

// word is how a verdict is written.
func word(v check.Verdict) string {
	if v == check.Fail {
		return "FAIL"
	}
	return string(v)
}

// Widths of a check's line.
const (
	verdictWidth = 7
	checkIDWidth = 26
	checkIndent  = 2 + verdictWidth + 1 + 6 + 1 + checkIDWidth + 1
)

func (c *CheckText) outcome(o *check.Outcome) {
	text := o.Check.Title
	if o.Verdict != check.Pass && o.Verdict != check.Fail {
		text = o.Reason
	}
	text = Clean(text)
	if room := c.st.Width - checkIndent; c.st.Width > 0 {
		text = strings.TrimRight(fit(text, max(room, 10)), " ")
	}
	if o.Verdict == check.Skip || o.Verdict == check.Pass {
		text = c.st.dim(text)
	}
	fmt.Fprintf(c.w, "  %s %-6s %-*s %s\n", c.st.tone(o.Verdict)(fmt.Sprintf("%-*s", verdictWidth, word(o.Verdict))),
		o.Check.Level, checkIDWidth, o.Check.ID, text)
	if o.Verdict == check.Fail || o.Verdict == check.Warn {
		c.details(o)
	}
}

func (c *CheckText) details(o *check.Outcome) {
	for _, row := range [][2]string{{"clause", o.Check.Clause}, {"expected", o.Expected}, {"actual", o.Actual}, {"to do", o.Fix()}} {
		if row[1] != "" {
			c.para(func(s string) string { return s }, row[0], Clean(row[1]))
		}
	}
	if o.Repeat != "" {
		// Not wrapped, so that it can be copied.
		fmt.Fprintf(c.w, "    %s %s\n", c.st.dim(fit("repeat", 9)), Clean(o.Repeat))
	}
}

// para writes a labelled paragraph, wrapped to the terminal.
func (c *CheckText) para(tone func(string) string, label, text string) {
	const indent = 4 + 9 + 1
	head := fmt.Sprintf("    %s ", c.st.dim(fit(label, 9)))
	if label == "" {
		head = ""
	}
	if c.st.Width == 0 {
		fmt.Fprintln(c.w, head+tone(text))
		return
	}
	for i, line := range wrapText(text, max(c.st.Width-indent, 30)) {
		if i > 0 && label != "" {
			head = strings.Repeat(" ", indent)
		}
		fmt.Fprintln(c.w, head+tone(line))
	}
}

// wrapText breaks text at spaces into lines of at most width bytes.
func wrapText(text string, width int) []string {
	var lines []string
	line := ""
	for w := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(w) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}

// Finish writes the totals and returns the first error of all the writing.
func (c *CheckText) Finish(r *check.Report) error {
	if n := len(c.same.ids); n > 0 {
		fmt.Fprintf(c.w, "\n%s %s, for the reason above\n", c.st.warn(word(c.same.verdict)), plural(n, "check"))
	}
	var parts []string
	for _, v := range []check.Verdict{check.Pass, check.Fail, check.Warn, check.Skip, check.Blocked, check.Inconclusive} {
		if n := r.Count(v); n > 0 {
			parts = append(parts, c.st.tone(v)(fmt.Sprintf("%d %s", n, v)))
		}
	}
	fmt.Fprintf(c.w, "\n%s: %s in %s\n", c.st.status(r.Status()), strings.Join(parts, ", "), human(r.Duration))
	return c.w.Flush()
}

func (s *Style) status(st check.Status) string {
	switch st {
	case check.Green:
		return s.good("green")
	case check.Red:
		return s.bad("red")
	case check.Unchecked:
		return s.bad("nothing was checked")
	case check.Stopped:
		return s.warn("interrupted")
	}
	return s.warn("inconclusive")
}

// CheckList lists checks, one a line, or as JSON objects.
func CheckList(w io.Writer, st *Style, list []check.Check) error {
	b := bufio.NewWriter(w)
	group := ""
	for i := range list {
		c := &list[i]
		if g := c.Group(); g != group {
			if group = g; i > 0 {
				fmt.Fprintln(b)
			}
			fmt.Fprintln(b, st.bold(g))
		}
		title := c.Title
		if st.Width > 0 {
			title = strings.TrimRight(fit(title, max(st.Width-48, 10)), " ")
		}
		fmt.Fprintf(b, "  %-6s %-*s %-11s %s\n", c.Level, checkIDWidth, c.ID, st.dim(c.Clause), title)
	}
	return b.Flush()
}

// CheckExplained explains one check.
func CheckExplained(w io.Writer, st *Style, c *check.Check) error {
	b := bufio.NewWriter(w)
	t := CheckText{w: b, st: st}
	fmt.Fprintf(b, "%s\n%s (%s, %s)\n\n", st.bold(c.ID), c.Title, c.Level, c.Clause)
	for _, row := range [][2]string{{"why", c.Why}, {"how", c.How}, {"to do", c.Fix}, {"needs", needs(c)}, {"tags", strings.Join(c.Tags, ", ")}, {"aliases", strings.Join(c.Aliases, ", ")}} {
		if row[1] != "" {
			t.para(func(s string) string { return s }, row[0], row[1])
		}
	}
	return b.Flush()
}

func needs(c *check.Check) string {
	var list []string
	for _, n := range c.Needs {
		list = append(list, n.Text())
	}
	return strings.Join(list, "; ")
}
