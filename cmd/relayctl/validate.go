package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/input"
	"relayctl/internal/report"
	"relayctl/internal/report/term"
	"relayctl/internal/sim/plan"
)

// validateOptions are the flags of validate.
type validateOptions struct {
	strict bool
	most   int
	output string
}

func newValidateCmd(a *app) *cobra.Command {
	var cmd *cobra.Command
	cmd = action(a, &cobra.Command{
		Use:   "validate FILE|-...",
		Short: "Lint events offline",
		Long: `Lint events: a JSON envelope or an array of them, JSON Lines, or a capture; -
reads stdin. Unknown properties and event names are warnings, because a receiver
has to tolerate them (R-TOLERANT); what breaks the envelope is an error. The
exit code is 1 when there are errors, with --strict also when there are
warnings.

A YAML file is held to what relayctl reads: a scenario, or by its keys a
relayctl.yaml (profiles), rules of "listen" (rules) or a baseline of "check"
(known_failures).`,
		Example: `  relayctl validate events.jsonl
  relayctl validate scenario.yaml
  relayctl generate --records 100 | relayctl validate -`,
		Args: atLeastOne("a file, or - for stdin"),
	}, func(ctx context.Context, o *validateOptions, s *settings, args []string) error {
		return a.validate(ctx, cmd.Root(), o, s, args)
	})
	return cmd
}

func (o *validateOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.strict, "strict", false, "warnings fail as well")
	cmd.Flags().IntVar(&o.most, "max-findings", 1000, "how many findings are shown, 0 for all (default 1000; all with --output json); all are counted")
	within(cmd, "0", "", "max-findings")
	outputFlag(cmd, &o.output, "one finding a line")
}

// linter validates files one after the other.
type linter struct {
	dec       event.Decoder
	out       *report.Findings
	eventless bool // the file has requests without a body
}

func (a *app) validate(ctx context.Context, root *cobra.Command, o *validateOptions, s *settings, args []string) error {
	for _, name := range args {
		if info, err := os.Stat(name); name != "-" && (err != nil || info.IsDir()) {
			if err == nil {
				err = fmt.Errorf("%s is a folder, not a file", name)
			}
			return usage(input.Unreadable(name, err))
		}
	}
	most := o.most
	if o.output == "json" && !s.given("max-findings") {
		most = 0
	}
	l := &linter{out: report.NewFindings(a.stdout, a.style(a.stdout), o.output == "json", most)}
	kinds := a.yamlKinds(root)
	for _, name := range args {
		check := func() error { return l.file(ctx, a, name) }
		if plan.IsScenarioFile(name) {
			check = func() error { return l.yaml(ctx, name, kinds) }
		}
		err := check()
		if err != nil && ctx.Err() != nil {
			return errors.Join(environment(l.out.Finish(a.stderr)), ctx.Err())
		}
		if err != nil {
			return errors.Join(environment(l.out.Flush()), usage(err))
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

func (l *linter) file(ctx context.Context, a *app, name string) error {
	var r io.Reader
	if name == "-" {
		name, r = "stdin", input.NewStream(ctx, a.stdin)
	} else {
		f, err := input.Open(ctx, name)
		if err != nil {
			return err
		}
		defer f.Close()
		r = input.Until(ctx, f)
	}
	before := l.out.Events + l.out.Errors
	br := bufio.NewReaderSize(r, 256<<10)
	if isEmpty(br) && ctx.Err() == nil {
		return holdsNothing(name)
	}
	head, _ := br.Peek(64)
	var err error
	switch trimmed := bytes.TrimLeft(head, " \t\r\n"); {
	case capture.IsCapture(head):
		err = l.capture(a, name, br)
	case len(trimmed) > 0 && trimmed[0] == '{':
		err = l.lines(name, br)
	default: // an array is read element by element, because it may be large
		err = l.values(name, br, 0)
	}
	if err == nil && l.out.Events+l.out.Errors == before && !l.eventless {
		l.broken(name, 1, "it holds no events")
	}
	l.eventless = false
	return err
}

func (l *linter) broken(name string, line int, message string) {
	l.out.Add(name, line, "", event.Finding{Clause: "R-JSON", Level: event.Error, Message: message})
}

// capture validates the events of a capture. Requests whose body was not
// recorded have none.
func (l *linter) capture(a *app, name string, r io.Reader) error {
	cr := capture.NewReader(r)
	cr.OnProblem = func(p capture.Problem) {
		if p.Level == event.Error {
			l.broken(name, p.Line, "a line of the capture is "+p.Message)
			return
		}
		a.warn("%s:%d: %s", term.Clean(name), p.Line, term.Clean(p.Message))
	}
	for {
		rec, err := cr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return environment(fmt.Errorf("%s: %w", name, err))
		case rec.Omitted:
			l.eventless = true
			continue
		}
		l.item(name, plan.Item{Raw: rec.Body, Line: cr.Line(), Record: rec})
	}
}

// lines validates events that follow one another. After a broken one it goes on.
func (l *linter) lines(name string, r *bufio.Reader) error {
	s := stretches{r: r}
	for s.scan() {
		env, findings := l.dec.Decode(s.text)
		if findings == nil {
			l.out.Events++
			continue
		}
		if isBroken(findings) || bytes.Contains(s.text, []byte(`"batch"`)) {
			// Perhaps it is several values, or a batch.
			if err := l.values(name, bytes.NewReader(s.text), s.line-1); err != nil {
				return err
			}
			continue
		}
		l.out.Events++
		l.add(name, s.line, s.text, env.ID, findings, "")
	}
	if !errors.Is(s.err, io.EOF) {
		return environment(fmt.Errorf("%s: %w", name, s.err))
	}
	return nil
}

func isBroken(findings []event.Finding) bool {
	for _, f := range findings {
		if f.Clause == "R-JSON" && f.Level == event.Error {
			return true
		}
	}
	return false
}

// values validates the JSON values of a text that begins after so many lines.
func (l *linter) values(name string, r io.Reader, before int) error {
	for item, err := range plan.ReadItems(name, r, nil) {
		var syntax *plan.SyntaxError
		switch {
		case errors.As(err, &syntax):
			l.broken(name, before+syntax.Line, syntax.Message)
			return nil
		case err != nil:
			return err
		}
		item.Line += before
		l.item(name, item)
	}
	return nil
}

// item validates one event, or the members of a batch.
func (l *linter) item(name string, item plan.Item) {
	shape, members, findings := event.Split(item.Raw)
	for _, f := range findings {
		l.out.Add(name, item.Line, "", f)
	}
	from := 0
	for i, m := range members {
		l.out.Events++
		env, findings := l.dec.Decode(m)
		if findings == nil {
			continue
		}
		// In a capture the line of the file is the place, whatever the body's own.
		line, prefix, text := item.Line, "", []byte(nil)
		if item.Record == nil {
			from += bytes.Index(item.Raw[from:], m)
			at, _ := event.Position(item.Raw, from)
			line, text = line+at-1, m
		}
		if shape != event.Single {
			prefix = fmt.Sprintf("[%d]", i)
		}
		l.add(name, line, text, env.ID, findings, prefix)
	}
}

// add reports an event's findings, each with its line in the text. prefix is the place of
// the event itself.
func (l *linter) add(name string, line int, text []byte, id string, findings []event.Finding, prefix string) {
	for _, f := range findings {
		at, _ := event.Position(text, min(f.Offset, len(text)))
		switch {
		case prefix != "" && f.Path != "":
			f.Path = prefix + "." + f.Path
		case prefix != "":
			f.Path = prefix
		}
		l.out.Add(name, line+at-1, id, f)
	}
}
