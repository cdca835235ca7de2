package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/check"
	"relayctl/internal/report/term"
)

// clauseWidth is the width of the column of clauses.
const clauseWidth = 12

// CheckList lists checks by group, or as JSON objects, one a line.
func CheckList(w io.Writer, st *term.Style, list []check.Check, asJSON bool) error {
	if asJSON {
		l := newLines(w)
		for i := range list {
			l.put(checkValue(&list[i]))
		}
		return l.flush()
	}
	b := bufio.NewWriter(w)
	group, width := "", 0
	for i := range list {
		c := &list[i]
		if g := c.Group(); g != group {
			if group, width = g, widestID(list, g); i > 0 {
				fmt.Fprintln(b)
			}
			fmt.Fprintln(b, st.Bold(g))
		}
		mark := " "
		if needs(c) != "" {
			mark = "*"
		}
		head := fmt.Sprintf("  %-6s %-*s%s %-*s", c.Level, width, c.ID, mark, clauseWidth, c.Clause)
		for _, line := range st.Wrapped(c.Title, len(head)+1) {
			fmt.Fprintf(b, "%s %s\n", head, line)
			head = strings.Repeat(" ", len(head))
		}
	}
	fmt.Fprintf(b, "\n%s\n", st.Dim(term.Count(len(list), "check")+"; * needs more than --to, as --explain ID says"))
	return b.Flush()
}

// checkValue is a check itself as the JSON outputs have it.
func checkValue(c *check.Check) map[string]any {
	return map[string]any{
		"id": c.ID, "aliases": orEmpty(c.Aliases), "level": c.Level, "clause": c.Clause, "title": c.Title,
		"why": c.Why, "how": c.How, "fix": c.Fix, "needs": orEmpty(c.Needs), "tags": orEmpty(c.Tags),
	}
}

// CheckExplained explains one check, or gives it as JSON.
func CheckExplained(w io.Writer, st *term.Style, c *check.Check, asJSON bool) error {
	if asJSON {
		return writeLines(w, checkValue(c))
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s (%s, %s)\n%s\n", st.Bold(c.ID), c.Level, c.Clause, c.Title)
	for _, row := range explainRows(c) {
		if row[1] == "" {
			continue
		}
		label := row[0]
		for _, line := range st.Wrapped(row[1], 9) {
			fmt.Fprintf(b, "\n%s%s", st.Dim(term.Fit(label, 9)), line)
			label = ""
		}
	}
	fmt.Fprintln(b)
	return b.Flush()
}

func explainRows(c *check.Check) [][2]string {
	return [][2]string{
		{"why", c.Why}, {"how", c.How}, {"to do", c.Fix}, {"needs", needs(c)},
		{"tags", strings.Join(c.Tags, ", ")}, {"aliases", strings.Join(c.Aliases, ", ")},
	}
}

// needs words what a check needs beside an endpoint.
func needs(c *check.Check) string {
	var list []string
	for _, n := range c.Needs {
		list = append(list, needText(n))
	}
	return strings.Join(list, "; ")
}
