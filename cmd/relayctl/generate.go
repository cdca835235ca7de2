package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/duration"
	"relayctl/internal/report/term"
	"relayctl/internal/sim/plan"
)

func newGenerateCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "generate [WHAT]...",
		Short: "Write events as JSON Lines without sending them",
		Long: `Write events as JSON Lines: what "send" would deliver, each event once. The
journeys follow the documented course of a customer's events, with no property
that Relay does not document. The same seed and start give the same bytes.`,
		Example: `  relayctl generate message.delivered --count 3
  relayctl generate --records 1000000 --seed 1 --start 2026-01-31T12:00:00Z \
    > events.jsonl
  relayctl generate --records 10 | relayctl send -`,
		Args: cobra.ArbitraryArgs,
	}, a.generate)
}

func (a *app) generate(ctx context.Context, o *planOptions, s *settings, args []string) (err error) {
	sources, err := o.sources(ctx, a, s, args, nil)
	if err != nil {
		return usage(err)
	}
	c, files, err := o.config(a, s, sources)
	defer func() { err = errors.Join(err, environment(files.close())) }()
	if err != nil {
		return usage(err)
	}
	o.dateBack(&c, 0)
	if sc := onlyScenario(sources); sc != nil {
		a.idleWindows(sc, &c, 1, func(e plan.Extent) (time.Duration, string) {
			return e.Last, "the last event of the plan is due after " + duration.Text(e.Last)
		})
	}
	stream, err := plan.New(c)
	if err != nil {
		return usage(err)
	}
	if err := files.begin(); err != nil {
		return err
	}
	n, err := a.writePlan(ctx, stream)
	if err != nil {
		return err
	}
	files.report(a, o.rejects)
	if n == 0 {
		return usageError("no event was written: there was nothing to read, or --events and the rejects left no event")
	}
	if !s.given("seed") {
		fmt.Fprintf(a.stderr, "seed %d\n", c.Seed)
	}
	return nil
}

// writePlan writes the bodies of a plan, one a line, and counts them.
func (a *app) writePlan(ctx context.Context, stream plan.Stream) (n int, err error) {
	w := bufio.NewWriterSize(a.data(), 256<<10)
	for d, err := range stream {
		if ctx.Err() != nil && (err != nil || d.Seq%1024 == 0) {
			if err := w.Flush(); err != nil {
				return n, environment(err)
			}
			return n, &exitError{code: exitInterrupted, err: fmt.Errorf("interrupted after %s", term.Count(n, "event"))}
		}
		if err != nil {
			return n, errors.Join(usage(err), w.Flush())
		}
		if d.Copy > 0 {
			continue // a scenario's duplicate is a matter of delivery
		}
		n++
		if _, err := w.Write(d.Body); err != nil {
			return n, environment(err)
		}
		if err := w.WriteByte('\n'); err != nil {
			return n, environment(err)
		}
	}
	return n, environment(w.Flush())
}
