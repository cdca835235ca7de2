package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/check"
)

const checksIntro = "# The checks of `relayctl check`\n\n" +
	"Made of the values in `internal/check`; a test keeps it up to date. `relayctl check\n--list` lists the same, and `--explain ID` explains one.\n\n" +
	"**MUST** fails the run, **SHOULD** warns (and fails with `--strict`), **MAY** informs.\n\n" +
	"| verdict | means |\n|---|---|\n" +
	"| pass | it holds |\n" +
	"| FAIL | it does not, and an answer shows it |\n" +
	"| warn | it holds, but not as well as it should, or what does not hold is a SHOULD |\n" +
	"| skip | not configured or not applicable, with the reason |\n" +
	"| blocked | nothing can be said: a plain valid event is not accepted either, or the probe shows nothing |\n" +
	"| inconclusive | the network, or relayctl itself, got in the way |\n" +
	"| known | it fails, and the baseline says why |\n\n" +
	"Every check makes customers and events of its own that no other run has used, so that\n" +
	"checks can run side by side, in any order and again. A check that sends what is to be\n" +
	"refused counts only between two valid events that are accepted. With `--repeat N` a\n" +
	"check that fails in some of its runs is told as flaky, and fails.\n\n" +
	"The run is green (exit 0) when nothing failed and something was checked; red (1) when a\n" +
	"check failed or was blocked, or the baseline is to be mended; 2 when nothing was\n" +
	"checked; 3 when the endpoint cannot be reached or a check that counts is inconclusive.\n"

// ChecksMarkdown writes the reference page of the checks from their values.
func ChecksMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, checksIntro)
	all := check.All()
	group := ""
	for i := range all {
		c := &all[i]
		if g := c.Group(); g != group {
			group = g
			fmt.Fprintf(b, "\n## %s\n\n| check | level | clause | what holds | needs |\n|---|---|---|---|---|\n", g)
			for j := i; j < len(all) && all[j].Group() == g; j++ {
				fmt.Fprintf(b, "| [`%s`](#%s) | %s | %s | %s | %s |\n", all[j].ID, anchor(all[j].ID), all[j].Level, all[j].Clause, cell(all[j].Title), cell(needs(&all[j])))
			}
		}
		fmt.Fprintf(b, "\n### %s\n\n%s (%s, %s)\n\n", c.ID, sentence(c.Title), c.Level, c.Clause)
		for _, row := range explainRows(c) {
			if row[1] != "" {
				fmt.Fprintf(b, "- **%s**: %s\n", row[0], prose(row[1]))
			}
		}
	}
	return b.Flush()
}

// anchor is what a Markdown renderer makes of a heading.
func anchor(id string) string { return strings.ReplaceAll(id, ".", "") }

func sentence(s string) string { return prose(strings.ToUpper(s[:1]) + s[1:]) }

// cell makes text safe in a cell of a table, and prose in a paragraph.
func cell(s string) string { return strings.ReplaceAll(prose(s), "|", `\|`) }

func prose(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`).Replace(s)
}
