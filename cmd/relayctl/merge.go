package main

import (
	"context"

	"github.com/spf13/cobra"

	"relayctl/internal/input"
	"relayctl/internal/report"
)

// mergeOptions are the flags of merge.
type mergeOptions struct {
	output  string
	reports reportOptions
}

// maxReport bounds a report that is read.
const maxReport = 64 << 20

func newMergeCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "merge REPORT.json...",
		Short: "Add the reports of a plan's shards",
		Long: `Add the JSON reports of "send --shard" runs: exact totals, latency percentiles
from the histograms of all shards, the outcome by event. A shard that is
missing, is there twice, or is of another plan is refused by name.`,
		Example: `  relayctl send --records 1000000 --seed 1 --start 2026-01-31T12:00:00Z \
    --shard 1/2 --report json=1.json --to https://staging.example.com/relay
  relayctl merge 1.json 2.json --report html=all.html`,
		Args: atLeastOne("the JSON reports of send --shard"),
	}, a.merge)
}

func (o *mergeOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "Output")()
	outputFlag(cmd, &o.output, "one object")
	o.reports.flags(cmd, "json", "html")
}

func (a *app) merge(ctx context.Context, o *mergeOptions, _ *settings, args []string) error {
	reports, err := o.reports.parse(a.secrets)
	if err != nil {
		return usage(err)
	}
	var shards []*report.SendShard
	for _, name := range args {
		data, err := input.ReadFile(ctx, name, maxReport)
		if err != nil {
			return usage(err)
		}
		shard, err := report.ReadSend(name, data)
		if err != nil {
			return usage(err)
		}
		shards = append(shards, shard)
	}
	merged, err := report.MergeSends(shards)
	if err != nil {
		return usage(err)
	}
	if merged.Exit = exitOK; !merged.Summary.OK() || merged.Summary.CutShort {
		merged.Exit = exitFellShort
	}
	if err := reports.open(a.interrupt); err != nil {
		return err
	}
	defer reports.discard()
	if o.output == "json" {
		err = merged.WriteJSONLine(a.stdout)
	} else {
		err = merged.WriteText(a.stdout, a.style(a.stdout), len(shards))
	}
	if err != nil {
		return environment(err)
	}
	if err := reports.write(reportWriters{"json": merged.WriteJSON, "html": merged.WriteHTML}); err != nil {
		return err
	}
	return silent(merged.Exit)
}
