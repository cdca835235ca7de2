package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/check"
	"relayctl/internal/report/term"
)

// WriteGitHub writes the run as workflow commands of GitHub Actions: one that
// prints them annotates the run. Failures are errors, warnings warnings, and
// known failures notices.
func (r CheckResult) WriteGitHub(w io.Writer) error {
	b := bufio.NewWriter(w)
	command := func(kind, title, message string) {
		fmt.Fprintf(b, "::%s title=%s::%s\n", kind, githubProperty(title), githubData(message))
	}
	if r.Cause != "" {
		command("error", "relayctl check", term.Clean(r.Cause))
	}
	for i := range r.Checked {
		o := &r.Checked[i]
		kind := "error"
		switch {
		case o.Known != nil:
			kind = "notice"
		case o.Verdict == check.Warn:
			kind = "warning"
		case o.Verdict == check.Blocked || o.Verdict == check.Inconclusive:
			if reasonOf(o) == r.Cause {
				continue // told above, once
			}
			command("warning", fmt.Sprintf("%s (%s) is %s", o.Check.ID, o.Check.Clause, o.Verdict), term.Clean(reasonOf(o)))
			continue
		case o.Verdict != check.Fail:
			continue
		}
		command(kind, fmt.Sprintf("%s (%s)", o.Check.ID, o.Check.Clause), o.Check.Title+"\n"+strings.TrimSpace(details(o, r.Repeats)))
	}
	for _, text := range r.Stale {
		command("error", "baseline", term.Clean(text))
	}
	return b.Flush()
}

// githubData escapes the message of a workflow command.
func githubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// githubProperty escapes a property of a workflow command.
func githubProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// WriteMarkdown writes the run as Markdown, as the step summary of a workflow
// takes it: the counts, then what does not hold.
func (r CheckResult) WriteMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "## relayctl check: %s\n\n", statusWord(r.Report))
	fmt.Fprintf(b, "%s against %s, seed %d\n\n", strings.Join(r.countWords(), ", "), markdownCode(term.Clean(r.Target)), r.Seed)
	if r.Cause != "" {
		fmt.Fprintf(b, "**%s**\n\n", markdownText(term.Clean(r.Cause)))
	}
	for _, text := range r.Stale {
		fmt.Fprintf(b, "- %s\n", markdownText(term.Clean(text)))
	}
	if len(r.Stale) > 0 {
		fmt.Fprintln(b)
	}
	open := false
	for i := range r.Checked {
		o := &r.Checked[i]
		if o.Verdict != check.Fail && o.Verdict != check.Warn {
			continue
		}
		if !open {
			open = true
			fmt.Fprint(b, "| check | level | clause | expected | actual |\n|---|---|---|---|---|\n")
		}
		fmt.Fprintf(b, "| %s `%s` | %s | %s | %s | %s |\n", verdictWord(o), o.Check.ID, o.Check.Level, o.Check.Clause,
			markdownText(term.Clean(o.Expected)), markdownText(term.Clean(cmp.Or(o.Actual, reasonOf(o)))))
	}
	for i := range r.Checked {
		o := &r.Checked[i]
		if o.Failed() {
			fmt.Fprintf(b, "\n<details><summary>%s: %s</summary>\n\n%s\n\n%s\n\n</details>\n", o.Check.ID, markdownText(o.Check.Title), markdownText(term.Clean(o.Fix())), markdownBlock(cleanCommand(r.Repeats.command(o))))
		}
	}
	return b.Flush()
}

func (r CheckResult) countWords() []string {
	var parts []string
	for _, v := range verdicts() {
		if n := r.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return parts
}

// markdownText escapes what Markdown or HTML would take for more than text.
func markdownText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "\n", " ").Replace(s)
}

func markdownCode(s string) string { return "`" + strings.ReplaceAll(s, "`", "'") + "`" }

// markdownBlock fences code so that nothing in it ends the fence.
func markdownBlock(s string) string {
	if s == "" {
		return ""
	}
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "sh\n" + s + "\n" + fence
}
