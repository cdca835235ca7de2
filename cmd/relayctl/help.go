package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	xterm "golang.org/x/term"

	"relayctl/internal/report/term"
	"relayctl/internal/suggest"
)

// flagGroup is a heading and the flags under it.
type flagGroup struct {
	heading string
	flags   *pflag.FlagSet
}

// flagGroups gives a command's flags under their headings, in the order in
// which they were defined; what has no heading comes last.
func flagGroups(cmd *cobra.Command) []flagGroup {
	var groups []flagGroup
	add := func(heading string, f *pflag.Flag) {
		for _, g := range groups {
			if g.heading == heading {
				g.flags.AddFlag(f)
				return
			}
		}
		set := pflag.NewFlagSet(heading, pflag.ContinueOnError)
		set.SortFlags = false
		set.AddFlag(f)
		groups = append(groups, flagGroup{heading, set})
	}
	var rest []*pflag.Flag
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Hidden:
		case annotation(f, groupKey) == "":
			rest = append(rest, f)
		default:
			add(annotation(f, groupKey), f)
		}
	})
	heading := "Flags"
	if len(groups) > 0 {
		heading = "Other flags"
	}
	for _, f := range rest {
		add(heading, f)
	}
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { add(heading, f) })
	return groups
}

// Widths of the help: a terminal narrower than the least is served as if it
// had that, and lines longer than the most are hard to read.
const (
	leastHelp = 60
	mostHelp  = 100
)

// helpWidth is how wide the help on w may be.
func helpWidth(w io.Writer) int {
	f := term.File(w)
	if f == nil {
		return 80
	}
	width, _, err := xterm.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return min(max(width, leastHelp), mostHelp)
}

// printUsage writes what stands below the description in the help.
func printUsage(cmd *cobra.Command) error {
	w := cmd.OutOrStderr()
	width := helpWidth(w)
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() && cmd.HasParent() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", cmd.CommandPath())
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&b, "  %-11s %s\n", c.Name(), c.Short)
			}
		}
	}
	for _, g := range flagGroups(cmd) {
		fmt.Fprintf(&b, "\n%s:\n%s", g.heading, flagUsages(g.flags, width))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// flagUsages lists flags, each on a line of its own with its meaning below or
// beside it, wrapped at the width.
func flagUsages(flags *pflag.FlagSet, width int) string {
	const column = 24
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		name, usage := valueName(f)
		head := "  --" + f.Name
		if f.Shorthand != "" {
			head = "  -" + f.Shorthand + ", --" + f.Name
		}
		if name != "" {
			head += " " + name
		}
		if def := shownDefault(f); def != "" {
			usage += " (default " + def + ")"
		}
		lines := term.Wrap(usage, width-column-1)
		if len(head) < column {
			fmt.Fprintf(&b, "%-*s %s\n", column, head, lines[0])
			lines = lines[1:]
		} else {
			b.WriteString(head + "\n")
		}
		for _, l := range lines {
			fmt.Fprintf(&b, "%*s %s\n", column, "", l)
		}
	})
	return b.String()
}

// valueName is what stands for a flag's value in the help, and its meaning.
func valueName(f *pflag.Flag) (name, usage string) {
	name, usage = pflag.UnquoteUsage(f)
	if f.NoOptDefVal != "" && f.Value.Type() == "string" {
		return "[=" + strings.ToUpper(name) + "]", usage
	}
	switch name {
	case "string", "stringArray":
		name = textName(f.Name)
	case "strings":
		name = "LIST"
	case "int", "uint", "float":
		name = "N"
	case choiceType:
		return strings.Join(f.Value.(*choice).words, "|"), usage
	default:
		name = strings.ToUpper(name)
	}
	return name, usage
}

// textName is what stands for the text that a flag takes, by the flag's name.
func textName(flag string) string {
	for name, flags := range map[string][]string{
		"'K: V'":          {"header", "forward-header", "probe-header"},
		"COLUMN=PROPERTY": {"csv-map"},
		"ID":              {"ccid", "id", "client-id"},
		"LIST":            {"retry-delays", "retry-on"},
		"NAME":            {"profile", "username"},
		"PATH":            {"unset"},
		"PATH=VALUE":      {"set"},
		"SECRET":          {"password", "api-key", "client-secret", "salt", "ui-token"},
		"TIME":            {"start"},
		"URL":             {"token-url"},
	} {
		if slices.Contains(flags, flag) {
			return name
		}
	}
	return "TEXT"
}

// shownDefault is the default as the help names it, "" where there is nothing
// to name.
func shownDefault(f *pflag.Flag) string {
	switch def := durationText(f.DefValue); {
	case def == "", def == "[]", def == "false", def == "0", def == "0s":
		return ""
	case strings.Contains(f.Usage, "(default"):
		return ""
	default:
		return def
	}
}

// newHelpCmd is cobra's help command, except that an unknown topic is an error.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at, rest, err := cmd.Root().Find(args)
			if err != nil || at == nil || len(rest) > 0 {
				return usageError("there is no help for %q%s", strings.Join(args, " "), suggest.DidYouMean(args[0], commandNames(cmd.Root())))
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}

// commandNames lists the commands that users see.
func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}
