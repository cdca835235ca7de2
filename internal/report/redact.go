package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/capture/standin"
	"relayctl/internal/report/term"
)

// Redacted is what became of a capture that was copied to be given away.
type Redacted struct {
	Path     string // of the copy, - for stdout
	Requests uint64
	Skipped  int // lines that could not be read, and are not in the copy
	Counts   []standin.Count
	Left     standin.Left
	Salted   bool // by a salt that the user gave
}

// WriteRedacted says what was replaced, by property, and what was left.
func WriteRedacted(w io.Writer, st *term.Style, r Redacted) error {
	b := bufio.NewWriter(w)
	to := r.Path
	if to == "-" {
		to = "stdout"
	}
	fmt.Fprintf(b, "%s: %s copied\n", st.Bold(term.Clean(to)), term.Count(r.Requests, "request"))
	redactedTable(b, st, r.Counts)
	note := func(format string, args ...any) {
		st.Hanging(b, "  ", 2, fmt.Sprintf(format, args...))
	}
	if n := r.Left.NotJSON; n > 0 {
		note("%s not JSON: all words and digits were replaced", areBodies(n))
	}
	if n := r.Left.Binary; n > 0 {
		note("%s not text: their bytes were replaced by others of their kind", areBodies(n))
	}
	if r.Skipped > 0 {
		note("%s could not be read and %s not in the copy", term.Count(r.Skipped, "line"), map[bool]string{true: "is", false: "are"}[r.Skipped == 1])
	}
	note("These stay too: arrival times, statuses, latencies, sizes, badges, punctuation, the length of values, and common words in paths, headers and messages.")
	if r.Salted {
		note("The same --salt gives the same stand-ins again.")
	} else {
		note("The salt was random: another run gives other stand-ins, unless --salt names one.")
	}
	return b.Flush()
}

func areBodies(n int) string {
	if n == 1 {
		return "1 body is"
	}
	return fmt.Sprintf("%d bodies are", n)
}

// redactedTable lists the properties and parts with how often each was replaced.
func redactedTable(b *bufio.Writer, st *term.Style, counts []standin.Count) {
	name, replaced := 0, len("replaced")
	for _, c := range counts {
		name = max(name, term.Columns(shownProperty(c)))
		replaced = max(replaced, len(fmt.Sprint(c.Replaced)))
	}
	if len(counts) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s  %s\n", term.Fit("", name), st.Dim(fmt.Sprintf("%*s  %4s  %s", replaced, "replaced", "left", "because it is")))
	for _, c := range counts {
		left := ""
		if c.Left > 0 {
			why := make([]string, len(c.Why))
			for i, reason := range c.Why {
				why[i] = string(reason)
			}
			left = fmt.Sprintf("  %4d  %s", c.Left, st.Dim(strings.Join(why, "; ")))
		}
		fmt.Fprintf(b, "  %s  %*d%s\n", term.Fit(shownProperty(c), name), replaced, c.Replaced, left)
	}
}

// widestProperty bounds the column of the names.
const widestProperty = 30

func shownProperty(c standin.Count) string { return term.Cut(term.Clean(c.Name), widestProperty) }
