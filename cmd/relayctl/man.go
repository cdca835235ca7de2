package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manOptions are the flags of man.
type manOptions struct{ dir string }

func (o *manOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "dir", "man1", "the `folder` to write to")
}

func newManCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages",
		Long: `Write the manual pages, one for each command, from the same definitions as the
help. They are written to the folder of --dir, which is created if it is
missing.`,
		Example: `  relayctl man --dir ~/.local/share/man/man1 && man relayctl-send`,
	}
	return action(a, cmd, func(_ context.Context, o *manOptions, _ *settings, _ []string) error {
		if err := os.MkdirAll(o.dir, 0o755); err != nil {
			return environment(err)
		}
		pages := manPages(cmd.Root())
		for _, c := range pages {
			path := filepath.Join(o.dir, manName(c)+".1")
			if err := os.WriteFile(path, []byte(manPage(c)), 0o644); err != nil { //nolint:gosec // a page is for everybody
				return environment(err)
			}
		}
		_, err := fmt.Fprintf(a.stdout, "wrote %d pages to %s\n", len(pages), o.dir)
		return environment(err)
	})
}

// manPages lists the commands that get a page of their own.
func manPages(root *cobra.Command) []*cobra.Command {
	pages := []*cobra.Command{root}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			pages = append(pages, c)
		}
	}
	return pages
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage renders a command's page.
func manPage(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" relayctl \"relayctl's manual\"\n", roff(strings.ToUpper(manName(c))))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	long := c.Long
	if long == "" {
		long = c.Short
	}
	b.WriteString(".SH DESCRIPTION\n")
	for line := range strings.SplitSeq(long, "\n") {
		if strings.HasPrefix(line, "  ") {
			b.WriteString(".br\n")
		}
		if line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(strings.TrimSpace(line)) + "\n")
	}
	if c.HasAvailableSubCommands() && !c.HasParent() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range manPages(c)[1:] {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(manName(sub)), roff(sub.Short))
		}
	}
	for _, g := range flagGroups(c) {
		fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(g.heading)))
		g.flags.VisitAll(func(f *pflag.Flag) { b.WriteString(manFlag(f)) })
	}
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(c.Example))
	}
	if c.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(c.Root().Name()))
	}
	return b.String()
}

func manFlag(f *pflag.Flag) string {
	name, usage := valueName(f)
	head := "--" + f.Name
	if f.Shorthand != "" {
		head = "-" + f.Shorthand + ", " + head
	}
	if def := shownDefault(f); def != "" {
		usage += " (default " + def + ")"
	}
	return fmt.Sprintf(".TP\n\\fB%s\\fR \\fI%s\\fR\n%s\n", roff(head), roff(name), roff(usage))
}

// roff escapes text: hyphens are to be copied as they are, a line that begins
// with a dot or a quote is text, and not every terminal has an ellipsis.
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...").Replace(text), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
