package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"relayctl/internal/check"
	"relayctl/internal/duration"
	"relayctl/internal/report/term"
)

// CheckText renders a run of check by group, each when it is done: what does not
// hold in full, what passes and what is skipped in one line. Verbose shows every
// check.
type CheckText struct {
	Verbose bool
	w       *bufio.Writer
	st      *term.Style
	list    []check.Check
	group   []*check.Checked  // of the group under way
	idWidth int               // of that group
	told    map[string]string // by reason, the first check that gave it
	opened  bool              // the group before showed checks
	cause   string
	hidden  map[check.Verdict]int // results that follow from the cause
	repeats *CheckRepeats
}

// NewCheckText makes the renderer of check's text output for a run of those
// checks.
func NewCheckText(w io.Writer, st *term.Style, list []check.Check, repeats *CheckRepeats) *CheckText {
	return &CheckText{w: bufio.NewWriter(w), st: st, list: list, hidden: map[check.Verdict]int{}, told: map[string]string{}, repeats: repeats}
}

// Header writes a line about the run before it begins.
func (c *CheckText) Header(format string, args ...any) {
	for _, line := range c.st.Wrapped(fmt.Sprintf(format, args...), 0) {
		fmt.Fprintln(c.w, c.st.Dim(line))
	}
	_ = c.w.Flush() // the error comes back with the next write
}

// Obstacle implements check.Observer.
func (c *CheckText) Obstacle(cause string) {
	c.cause = cause
	fmt.Fprintln(c.w)
	for _, line := range c.st.Wrapped(term.Clean(cause), 0) {
		fmt.Fprintln(c.w, c.st.Bad(line))
	}
	_ = c.w.Flush()
}

// Running implements check.Observer.
func (c *CheckText) Running([]string) {}

// Done implements check.Observer.
func (c *CheckText) Done(o *check.Checked) {
	if c.cause != "" && c.follows(o) {
		c.hidden[o.Verdict]++
		return
	}
	if len(c.group) > 0 && c.group[0].Check.Group() != o.Check.Group() {
		c.endGroup()
	}
	c.group = append(c.group, o)
}

// endGroup writes the group that is done.
func (c *CheckText) endGroup() {
	if len(c.group) == 0 {
		return
	}
	c.st.Refit()
	name := c.group[0].Check.Group()
	c.idWidth = widestID(c.list, name)
	var counts []string
	for _, v := range verdicts() {
		if n := countIn(c.group, func(o *check.Checked) bool { return o.Verdict == v && o.Known == nil }); n > 0 {
			counts = append(counts, c.st.Tone(verdictTone(v))(fmt.Sprintf("%d %s", n, v)))
		}
	}
	if n := countIn(c.group, func(o *check.Checked) bool { return o.Known != nil }); n > 0 {
		counts = append(counts, c.st.Warn(fmt.Sprintf("%d known", n)))
	}
	open := c.Verbose || slices.ContainsFunc(c.group, speaks)
	if open || c.opened {
		fmt.Fprintln(c.w)
	}
	c.opened = open
	fmt.Fprintf(c.w, "%s %s\n", c.st.Bold(term.Fit(name, groupWidth)), strings.Join(counts, ", "))
	for _, o := range c.group {
		if c.Verbose || speaks(o) {
			c.line(o)
		}
	}
	c.group = nil
	_ = c.w.Flush()
}

func countIn(results []*check.Checked, is func(*check.Checked) bool) int {
	n := 0
	for _, o := range results {
		if is(o) {
			n++
		}
	}
	return n
}

// groupWidth is the width of the column of groups.
const groupWidth = 11

// speaks says whether a result is shown in a run that is not verbose. What an
// interrupted run did not do is counted, and told once, at the end.
func speaks(o *check.Checked) bool {
	return o.Verdict != check.Pass && o.Verdict != check.Skip && !o.Interrupted() || o.Known != nil
}

// follows says whether a result says no more than the cause above does: it is
// then only counted.
func (c *CheckText) follows(o *check.Checked) bool {
	return o.Verdict == check.Skip || o.Verdict == check.Blocked || o.Verdict == check.Inconclusive && reasonOf(o) == c.cause
}

// verdictWidth is the width of the column of verdicts.
const verdictWidth = 7

// line writes a check's line, and what there is to know if it does not hold.
// Nothing is cut: what does not fit goes on below.
func (c *CheckText) line(o *check.Checked) {
	text := o.Check.Title
	detailed := o.Verdict == check.Fail || o.Verdict == check.Warn
	if o.Verdict != check.Pass && (!detailed || o.Actual == "" && reasonOf(o) != "") {
		text = c.reason(o)
	}
	if o.Verdict == check.Pass && o.Reason != "" {
		text += ": " + o.Reason
	}
	if o.Flaky != "" {
		text = "flaky " + o.Flaky + ": " + o.Check.Title
	}
	tone := c.st.Tone(verdictTone(o.Verdict))
	if o.Known != nil {
		tone = c.st.Warn
	}
	word := verdictWord(o)
	indent := 2 + verdictWidth + 1 + 6 + 1 + c.idWidth + 1
	// The longest verdict takes its room from the id's column.
	head := fmt.Sprintf("  %s %-6s %-*s", tone(fmt.Sprintf("%-*s", verdictWidth, word)), o.Check.Level, c.idWidth-max(0, len(word)-verdictWidth), o.Check.ID)
	for _, line := range c.st.Wrapped(term.Clean(text), indent) {
		if o.Verdict == check.Skip || o.Verdict == check.Pass {
			line = c.st.Dim(line)
		}
		fmt.Fprintf(c.w, "%s %s\n", head, line)
		head = strings.Repeat(" ", indent-1)
	}
	if detailed {
		for _, row := range detailRows(o) {
			c.row(row[0], row[1])
		}
		if cmd := c.repeats.command(o); cmd != "" {
			c.command("repeat", cleanCommand(cmd))
		}
	}
}

// reason is why a result is as it is, said once.
func (c *CheckText) reason(o *check.Checked) string {
	text := reasonOf(o)
	if first, ok := c.told[text]; ok && o.Verdict != check.Skip {
		return "as " + first
	}
	c.told[text] = o.Check.ID
	return text
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
	for _, line := range c.st.Wrapped(text, rowIndent+rowLabel+1) {
		fmt.Fprintf(c.w, "%*s%s %s\n", rowIndent, "", c.st.Dim(term.Fit(label, rowLabel)), line)
		label = ""
	}
}

// command writes a labelled command so that it can be copied from a terminal: broken
// between its arguments only, as a shell goes on reading.
func (c *CheckText) command(label, command string) {
	const indent = rowIndent + rowLabel + 1
	head := fmt.Sprintf("%*s%s ", rowIndent, "", c.st.Dim(term.Fit(label, rowLabel)))
	if c.st.Width == 0 {
		fmt.Fprintf(c.w, "%s%s\n", head, command)
		return
	}
	again, play, both := strings.Cut(command, callsAlone)
	fmt.Fprintf(c.w, "%s%s\n", head, continued(again, c.st.Width, indent))
	if both {
		margin := strings.Repeat(" ", indent)
		fmt.Fprintf(c.w, "%s%s\n%s%s\n", margin, strings.TrimSpace(callsAlone), margin, continued(play, c.st.Width, indent))
	}
}

// Finish writes the totals and returns the first error of all the writing.
func (c *CheckText) Finish(r *check.Report) error {
	c.endGroup()
	if n := c.hidden[check.Blocked] + c.hidden[check.Inconclusive]; n > 0 {
		more := ""
		if c.hidden[check.Skip] > 0 {
			more = fmt.Sprintf(", and %d do not apply or are not configured", c.hidden[check.Skip])
		}
		for _, line := range c.st.Wrapped(fmt.Sprintf("nothing can be said of %s, for the reason above%s", term.Count(n, "check"), more), 0) {
			fmt.Fprintf(c.w, "\n%s", c.st.Warn(line))
		}
		fmt.Fprintln(c.w)
	}
	if len(r.Stale) > 0 {
		fmt.Fprintf(c.w, "\n%s\n", c.st.Bold("baseline"))
	}
	for _, text := range r.Stale {
		for _, line := range c.st.Wrapped(term.Clean(text), 2) {
			fmt.Fprintf(c.w, "  %s\n", c.st.Bad(line))
		}
	}
	c.lacking(r)
	c.interrupted(r)
	c.conclusion(r)
	head := statusWord(r) + ":"
	fmt.Fprintf(c.w, "\n%s", c.st.Tone(statusTone(r.Status()))(head))
	at := len(head)
	for _, p := range countParts(r) {
		if c.st.Width > 0 && at+1+len(p.text) > c.st.Width {
			fmt.Fprint(c.w, "\n ")
			at = 1
		}
		fmt.Fprintf(c.w, " %s", c.st.Tone(p.tone)(p.text))
		at += 1 + len(p.text)
	}
	fmt.Fprintln(c.w)
	return c.w.Flush()
}

// countPart is a part of the line of counts.
type countPart struct {
	text string
	tone term.Tone
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
		parts = append(parts, countPart{fmt.Sprintf("%d of them known", n), term.Plain})
	}
	for i := range len(parts) - 1 {
		parts[i].text += ","
	}
	return append(parts, countPart{"in " + duration.Text(r.Duration), term.Plain})
}
