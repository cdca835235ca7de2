package report

import (
	"fmt"
	"strings"
	"time"

	"relayctl/internal/check"
	"relayctl/internal/duration"
	"relayctl/internal/report/term"
)

// conclusion writes what to fix, in the order in which to do it.
func (c *CheckText) conclusion(r *check.Report) {
	all := r.Conclusion()
	if len(all) == 0 || len(all) == 1 && r.Cause != "" && all[0].Text == r.Cause {
		return // there is nothing, or it stands above
	}
	fmt.Fprintf(c.w, "\n%s\n", c.st.Bold("to fix, in this order"))
	for i, a := range all {
		head := fmt.Sprintf("  %d. ", i+1)
		text := shortened(adviceText(a))
		for _, line := range c.st.Wrapped(text, len(head)) {
			fmt.Fprintf(c.w, "%s%s\n", head, line)
			head = strings.Repeat(" ", len(head))
		}
		if follows := followsText(a); follows != "" {
			for _, line := range c.st.Wrapped(follows, len(head)) {
				fmt.Fprintf(c.w, "%s%s\n", head, c.st.Dim(line))
			}
		}
	}
}

// longestAdvice is how much of a finding the conclusion repeats: it stands whole above.
const longestAdvice = 300

// shortened is the beginning of a long text, up to a whole word.
func shortened(text string) string {
	r := []rune(text)
	if len(r) <= longestAdvice {
		return text
	}
	cut := string(r[:longestAdvice-1])
	if at := strings.LastIndexByte(cut, ' '); at > 0 {
		cut = cut[:at]
	}
	return strings.TrimRight(cut, " ,;:") + "…"
}

// interrupted says how far a run came that was interrupted.
func (c *CheckText) interrupted(r *check.Report) {
	if !r.Interrupted {
		return
	}
	done, all := 0, 0
	for i := range r.Checked {
		if o := &r.Checked[i]; o.Verdict != check.Skip {
			if all++; !o.Interrupted() {
				done++
			}
		}
	}
	text := fmt.Sprintf("the run was interrupted: %d of %s that apply were done", done, term.Count(all, "check"))
	fmt.Fprintln(c.w)
	for _, line := range c.st.Wrapped(text, 0) {
		fmt.Fprintln(c.w, c.st.Warn(line))
	}
}

// adviceText words what is to be fixed.
func adviceText(a check.Advice) string {
	if a.ID == "" {
		return term.Clean(a.Text)
	}
	return a.ID + ": " + term.Clean(a.Text)
}

// mostFollows is how many of the checks are named that one cause explains.
const mostFollows = 6

// followsText names the checks that the same cause explains, "" where there are
// none.
func followsText(a check.Advice) string {
	names := a.Follows
	switch {
	case len(names) == 0:
		return ""
	case len(names) > mostFollows:
		names = append(names[:mostFollows-1:mostFollows-1], fmt.Sprintf("%d more", len(names)-mostFollows+1))
	}
	return "the same cause explains " + strings.Join(names, ", ")
}

// lacking writes what was not checked because the run was not told of it.
func (c *CheckText) lacking(r *check.Report) {
	var order []check.Need
	counts := map[check.Need]int{}
	for i := range r.Checked {
		if n := r.Checked[i].Missing; n != "" && n != check.NeedHTTPS {
			if counts[n]++; counts[n] == 1 {
				order = append(order, n)
			}
		}
	}
	if len(order) == 0 {
		return
	}
	parts := make([]string, len(order))
	for i, n := range order {
		parts[i] = term.Count(counts[n], "check") + " for want of " + needText(n)
	}
	fmt.Fprintln(c.w)
	for _, line := range c.st.Wrapped("skipped: "+strings.Join(parts, ", "), 0) {
		fmt.Fprintln(c.w, c.st.Dim(line))
	}
	if counts[check.NeedProbe] > 0 && r.Status() == check.Green {
		// A green run must not seem to say more than it does.
		for _, line := range c.st.Wrapped("no state was checked, only answers: give "+needText(check.NeedProbe), 0) {
			fmt.Fprintln(c.w, c.st.Warn(line))
		}
	}
}

// Measured implements check.Observer.
func (c *CheckText) Measured(r *check.ReadSide) {
	if r == nil || r.Blocked != "" {
		return // the checks that need it say why
	}
	for _, text := range readSideLines(r) {
		for _, line := range c.st.Wrapped(text, 0) {
			fmt.Fprintln(c.w, c.st.Dim(line))
		}
	}
	_ = c.w.Flush()
}

// readSideLines words how the probe shows the receiver's state.
func readSideLines(r *check.ReadSide) []string {
	text := "the probe shows an event when it is answered"
	if r.Lag >= shownLag {
		text = "the probe shows an event up to " + duration.Text(r.Lag) + " after its answer, and waits are sized from that"
	}
	lines := []string{text}
	if len(r.Moving) > 0 {
		places := term.Clean(strings.Join(r.Moving, ","))
		lines = append(lines, "changes by itself and is left out, as with --probe-ignore "+places)
	}
	return lines
}

// shownLag is the least time that is told: what is less is that of a reading.
const shownLag = 50 * time.Millisecond
