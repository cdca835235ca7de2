package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"relayctl/internal/sim"
)

func newGenerateCmd(a *app) *cobra.Command {
	o := &planOptions{}
	cmd := &cobra.Command{
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
		RunE: func(cmd *cobra.Command, args []string) error { return a.generate(cmd, o, args) },
	}
	o.flags(cmd)
	return cmd
}

func (a *app) generate(cmd *cobra.Command, o *planOptions, args []string) (err error) {
	c, files, err := o.config(a, cmd, args)
	defer func() { err = errors.Join(err, environment(files.close())) }()
	if err != nil {
		return usage(err)
	}
	plan, err := sim.NewPlan(c)
	if err != nil {
		return usage(err)
	}
	if err := files.begin(); err != nil {
		return err
	}
	n, err := a.writePlan(cmd.Context(), plan)
	if err != nil {
		return err
	}
	files.report(a, o.rejects)
	if n == 0 {
		return usageError("no event was written: there was nothing to read, or --events and the rejects left no event")
	}
	if !cmd.Flags().Changed("seed") {
		fmt.Fprintf(a.stderr, "seed %d\n", c.Seed)
	}
	return nil
}

// writePlan writes the bodies of a plan, one a line, and counts them.
func (a *app) writePlan(ctx context.Context, plan sim.Plan) (n int, err error) {
	w := bufio.NewWriterSize(a.stdout, 256<<10)
	for d, err := range plan {
		if ctx.Err() != nil && (err != nil || d.Seq%1024 == 0) {
			return n, errors.Join(w.Flush(), silent(exitInterrupted))
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
