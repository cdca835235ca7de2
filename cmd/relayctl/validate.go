package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"relayctl/internal/event"
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

// validateOptions are the flags of validate.
type validateOptions struct {
	strict bool
	output string
}

func newValidateCmd(a *app) *cobra.Command {
	o := &validateOptions{}
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Lint events offline",
		Long: `Lint events: a JSON envelope or an array of them, JSON Lines, or a capture; -
reads stdin. Unknown properties and event names are warnings, for a receiver has
to tolerate them (R-TOLERANT); what breaks the envelope is an error. The exit
code is 1 when there are errors (with --strict, or warnings).`,
		Example: `  relayctl validate events.jsonl
  relayctl generate --records 100 | relayctl validate -`,
		Args: atLeastOne("a file, or - for stdin"),
		RunE: func(_ *cobra.Command, args []string) error { return a.validate(o, args) },
	}
	cmd.Flags().BoolVar(&o.strict, "strict", false, "warnings fail as well")
	cmd.Flags().StringVar(&o.output, "output", "text", "text or json (one finding a line)")
	words(cmd, "output", outputs()...)
	return cmd
}

// linter validates files one after the other.
type linter struct {
	dec event.Decoder
	out *report.Findings
}

func (a *app) validate(o *validateOptions, args []string) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	l := &linter{out: report.NewFindings(a.stdout, a.style(a.stdout), o.output == "json")}
	for _, name := range args {
		if err := l.file(a, name); err != nil {
			return errors.Join(l.out.Flush(), usage(err))
		}
	}
	if err := l.out.Finish(a.stderr); err != nil {
		return environment(err)
	}
	if l.out.Errors > 0 || o.strict && l.out.Warnings > 0 {
		return silent(exitFellShort)
	}
	return nil
}

func (l *linter) file(a *app, name string) error {
	r := a.stdin
	if name == "-" {
		name = "stdin"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	return l.read(a, name, r)
}

func (l *linter) read(a *app, name string, r io.Reader) error {
	warn := func(msg string) { fmt.Fprintln(a.stderr, "warning:", report.Clean(msg)) }
	count := 0
	err := sim.ReadItems(name, r, warn, func(item sim.FileItem) error {
		count++
		if item.Record != nil && item.Record.Omitted {
			return nil
		}
		l.item(name, item)
		return nil
	})
	var syntax *sim.SyntaxError
	switch {
	case errors.As(err, &syntax):
		l.out.Add(name, syntax.Line, "", event.Finding{Clause: "R-JSON", Level: event.Error, Message: syntax.Message})
	case err != nil:
		return err
	case count == 0:
		l.out.Add(name, 1, "", event.Finding{Clause: "R-JSON", Level: event.Error, Message: "there is no event in it"})
	}
	return nil
}

// item validates one event, or the members of a captured batch. A finding's
// line is its own where the event is laid out over several lines.
func (l *linter) item(name string, item sim.FileItem) {
	shape, members, findings := event.Split(item.Raw)
	for _, f := range findings {
		l.out.Add(name, item.Line, "", f)
	}
	for i, m := range members {
		l.out.Events++
		env, findings := l.dec.Decode(m)
		for _, f := range findings {
			line := item.Line
			if item.Record == nil {
				at, _ := event.Position(m, f.Offset)
				line += at - 1
			}
			if shape != event.Single {
				f.Path = fmt.Sprintf("[%d].%s", i, f.Path)
			}
			l.out.Add(name, line, env.ID, f)
		}
	}
}
