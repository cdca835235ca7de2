package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"relayctl/internal/sim/plan"
)

// shardOptions is the flag that says which part of a plan a process has.
type shardOptions struct{ shard string }

func (o *shardOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "One plan by several processes")()
	cmd.Flags().StringVar(&o.shard, "shard", "", "this process's shard of the plan, whole customers, as `I/N` such as 2/4, or auto: from the job array of Slurm or the Indexed Job of Kubernetes (JOB_COMPLETIONS has to be set). --seed and --start have to be given, and --rate is that of all shards together. merge adds the JSON reports")
}

// read reads the flag; the zero value is the whole plan.
func (o *shardOptions) read(a *app, s *settings) (p plan.Shard, err error) {
	switch {
	case !s.given("shard"):
		return p, nil
	case o.shard == "auto":
		p, err = a.shardOfJob()
	default:
		p, err = plan.ParseShard(o.shard)
	}
	if err != nil {
		return p, fmt.Errorf("--shard: %w", err)
	}
	if !p.Whole() && (!s.given("seed") || !s.given("start")) {
		return p, errors.New("--shard needs --seed and --start, so that all shards are of one plan")
	}
	return p, nil
}

// shardOfJob reads the shard from what a scheduler tells its tasks.
func (a *app) shardOfJob() (p plan.Shard, err error) {
	number := func(name string, otherwise int) int {
		text, ok := a.env(name)
		if !ok || text == "" {
			return otherwise
		}
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 0 {
			err = errors.Join(err, fmt.Errorf("%s is %q, which is not a number", name, text))
		}
		return n
	}
	const none = -1
	task, count := number("SLURM_ARRAY_TASK_ID", none), number("SLURM_ARRAY_TASK_COUNT", none)
	index, completions := number("JOB_COMPLETION_INDEX", none), number("JOB_COMPLETIONS", none)
	switch {
	case err != nil:
		return p, err
	case task != none && count != none:
		step := max(1, number("SLURM_ARRAY_TASK_STEP", 1))
		p = plan.Shard{Index: (task-number("SLURM_ARRAY_TASK_MIN", 0))/step + 1, Of: count}
	case index != none && completions != none:
		p = plan.Shard{Index: index + 1, Of: completions}
	default:
		return p, errors.New("auto finds neither SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT nor JOB_COMPLETION_INDEX and JOB_COMPLETIONS")
	}
	if _, bad := plan.ParseShard(fmt.Sprintf("%d/%d", p.Index, p.Of)); bad != nil || err != nil {
		return p, errors.Join(err, fmt.Errorf("auto: task %d of %d is not a shard: number the tasks from one end to the other", p.Index, p.Of))
	}
	return p, nil
}
