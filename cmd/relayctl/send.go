package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/recv/judge"
	"relayctl/internal/report"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// sendOptions are the flags of send.
type sendOptions struct {
	plan     planOptions
	replay   replayOptions
	endpoint endpointOptions
	reports  reportOptions
	journal  journalOptions
	shard    shardOptions
	relayOptions
	disorderOptions
	pace        string
	timeScale   float64
	dryRun      bool
	watch       bool
	output      string
	waitReady   time.Duration
	metrics     string
	noPreflight bool
	giveUpAfter int
}

func newSendCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "send [WHAT]...",
		Short: "Deliver events as Relay does",
		Long: `Deliver events to an endpoint as Relay does: four attempts, byte-identical
retries, several serial workers.

WHAT is an event name, a scenario name, a file (a JSON envelope or an array of
them, JSON Lines, a capture of "listen", a scenario in YAML), or - for JSON
Lines on stdin. Without it the scenario "journey" is sent. Without --to a
receiver inside the process takes the events over TLS and shows what it saw.

An event is one thing that happened, with its event_id. A delivery is a call
that the plan asks for, with one event or a batch; a copy delivers an event
again. An attempt is one try to make a delivery, and a request an attempt that
got a connection: what the receiver counts.`,
		Example: `  relayctl send
  relayctl send message.delivered --to https://staging.example.com/relay \
    --auth basic --username relay --password env:RELAY_PASSWORD
  relayctl send lost-ack --time-scale 0.01
  relayctl send --records 100000 --rate 5000/m --reorder 0.1 --duplicates 0.05 \
    --to https://localhost:8443/
  relayctl send events.jsonl --request 48 --to http://127.0.0.1:3000/
  relayctl generate --records 10 | relayctl send -`,
		Args: cobra.ArbitraryArgs,
	}, a.send)
}

func (o *sendOptions) flags(cmd *cobra.Command) {
	o.plan.flags(cmd)
	o.replay.flags(cmd)
	o.endpoint.flags(cmd)
	o.deliveryFlags(cmd)
	o.disorderFlags(cmd)
	o.journal.flags(cmd)
	o.shard.flags(cmd)
	defer group(cmd, "Output")()
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan, send nothing")
	f.BoolVar(&o.watch, "watch", false, "send again whenever a named file is saved; Ctrl-C ends with the verdict of the last run (130 in the middle of one)")
	outputFlag(cmd, &o.output, "one object a line")
	o.reports.flags(cmd, "json", "junit", "html")
	f.StringVar(&o.metrics, "metrics", "", "serve the counts to Prometheus while it runs, at `host:port`")
}

func (o *sendOptions) deliveryFlags(cmd *cobra.Command) {
	defer group(cmd, "Delivery")()
	o.relayFlags(cmd)
	f := cmd.Flags()
	choiceFlag(cmd, &o.pace, "pace", "", "fast: in the planned order without waiting; original: with the offsets of the scenario or capture", "fast", "original")
	f.Float64Var(&o.timeScale, "time-scale", 1, "multiplies every simulated wait, not --timeout nor --rate")
	f.DurationVar(&o.waitReady, "wait-ready", 0, "how long to wait for the endpoint to accept connections")
	f.BoolVar(&o.noPreflight, "no-preflight", false, "send without the one connection, TLS included, that is made first; unless given, nothing is sent where it fails (exit 3)")
	f.IntVar(&o.giveUpAfter, "give-up-after", 20, "end the run (exit 1, with the summary) after so many attempts in a row, over all workers, that could not connect; 0 never. Unless it or --no-preflight is given, also when three or more in a row could not connect or were cut off for 30s")
	within(cmd, "0", "1000000", "time-scale")
	within(cmd, "0", "8760h", "wait-ready")
	within(cmd, "0", "", "give-up-after")
	needs(cmd, "to", "wait-ready", "no-preflight")
}

// send makes one run, or with --watch one after every change of a file.
func (a *app) send(ctx context.Context, o *sendOptions, s *settings, args []string) error {
	if o.watch {
		return a.watchSend(ctx, o, s, args)
	}
	return a.sendOnce(ctx, o, s, args, nil)
}

// sendOnce makes one run, which ends when ctx is done. held are the files of
// --watch.
func (a *app) sendOnce(ctx context.Context, o *sendOptions, s *settings, args []string, held heldFiles) (err error) {
	r, err := a.prepareSend(ctx, o, s, args, held)
	if r != nil && r.files != nil {
		defer func() { err = errors.Join(err, environment(r.files.close())) }()
	}
	if err != nil {
		return usage(err)
	}
	o = r.options
	r.warnOfIdleWindows(a)
	if o.dryRun {
		return a.dryRun(ctx, r)
	}
	if err := r.reports.open(a.interrupt); err != nil {
		return err
	}
	defer r.reports.discard()
	if err := r.preflight(ctx, a); err != nil {
		return err
	}
	if err := r.identify(a, args); err != nil {
		return usage(err)
	}
	if r.sender.Journal, err = o.journal.open(a, r); err != nil {
		return err
	}
	defer context.AfterFunc(a.interrupt, func() {
		fmt.Fprintln(a.stderr, "interrupted: attempts under way still end; another Ctrl-C ends them at once")
	})()
	code, err := a.deliver(ctx, r)
	err = errors.Join(err, environment(r.sender.Journal.Close()))
	r.files.report(a, o.plan.rejects)
	if err != nil {
		return err
	}
	if code == exitInterrupted && o.journal.path != "" {
		return &exitError{code: code, hint: "the same command with --resume goes on where this run was interrupted"}
	}
	return silent(code)
}

// preflight connects to the endpoint before anything is sent, or waits until it can
// be connected to.
func (r *sendRun) preflight(ctx context.Context, a *app) error {
	o := r.options
	hint := "--wait-ready 1m waits until it does; --no-preflight sends all the same, with all the retries and their waits"
	if r.embedded != nil {
		return nil
	}
	sender, err := sim.NewSender(r.sender)
	switch {
	case err != nil:
		return usage(err)
	case o.waitReady > 0:
		err, hint = sender.WaitReady(ctx, o.waitReady, a.waiting(o.waitReady)), ""
	case !o.noPreflight:
		err = sender.Reach(ctx)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &exitError{code: exitInterrupted, err: errors.New("interrupted while waiting for the endpoint; nothing was sent")}
	}
	if errors.Is(err, sim.ErrHandshake) {
		hint = ""
	}
	return &exitError{code: exitEnvironment, err: fmt.Errorf("nothing was sent: %w", err), hint: hint}
}

// dryRun prints the plan.
func (a *app) dryRun(ctx context.Context, r *sendRun) error {
	stream, err := plan.New(r.plan)
	if err != nil {
		return usage(err)
	}
	if err := r.files.begin(); err != nil {
		return err
	}
	defer r.files.report(a, r.options.plan.rejects)
	p := report.NewPlan(a.stdout, a.style(a.stdout), r.options.output == "json")
	p.Overrides = r.plan.Overrides
	deliveries := 0
	for d, err := range stream {
		if ctx.Err() != nil {
			fmt.Fprintln(a.stderr, "interrupted: there is more of the plan")
			return errors.Join(environment(p.Finish(r.plan.Seed)), silent(exitInterrupted))
		}
		if err != nil {
			return usage(errors.Join(err, p.Finish(r.plan.Seed)))
		}
		deliveries++
		p.Delivery(&d)
	}
	if err := p.Finish(r.plan.Seed); err != nil || deliveries > 0 || !r.plan.Shard.Whole() {
		return environment(err)
	}
	return usageError("nothing would be sent: %s", nothingLeft)
}

// nothingLeft says why a plan is empty.
const nothingLeft = "there was nothing to read, or --events and the rejects left no event"

// renderer is what send shows its run with.
type renderer interface {
	sim.Observer
	Finish(sim.Summary, *judge.Summary) error
}

// deliver makes the run and returns its exit code.
func (a *app) deliver(ctx context.Context, r *sendRun) (int, error) {
	var receiver *embedded
	if r.embedded != nil {
		var err error
		if receiver, err = startEmbedded(r); err != nil {
			return 0, err
		}
		defer receiver.stop()
	}
	progress := a.progress(r)
	metrics, err := a.sendMetrics(r)
	if err != nil {
		return 0, err
	}
	defer metrics.end()
	sender, err := sim.NewSender(r.sender)
	if err != nil {
		return 0, usage(err)
	}
	stream, err := plan.New(r.plan)
	if err != nil {
		return 0, usage(err)
	}
	if err := r.files.begin(); err != nil {
		return 0, err
	}
	out := a.sendRenderer(r, progress)
	details := report.NewSendDetails(r.target())
	sum, runErr := sender.Run(ctx, stream, metrics.observe(r.reports.observers(out, details)))
	var seen *judge.Summary
	if receiver != nil {
		receiver.stop()
		s := receiver.Summary()
		seen = &s
	}
	if err := out.Finish(sum, seen); err != nil {
		return 0, environment(err)
	}
	code, err := r.verdict(ctx, &sum, runErr)
	result := report.SendResult{Details: details, Summary: sum, Embedded: seen, Exit: exitCode(code, err), Plan: r.id}
	return code, errors.Join(err, r.reports.writeSend(result))
}

// verdict turns what a run came to into the exit code.
func (r *sendRun) verdict(ctx context.Context, sum *sim.Summary, runErr error) (int, error) {
	switch {
	case errors.As(runErr, new(*sim.JournalError)):
		return 0, environment(runErr)
	case ctx.Err() != nil:
		return exitInterrupted, nil
	case runErr != nil && sum.Attempts == 0:
		return 0, usage(runErr)
	case runErr != nil: // such as a broken line on stdin, after good ones
		return 0, &exitError{code: exitFellShort, err: runErr}
	case sum.Deliveries == 0 && !r.plan.Shard.Whole():
		return exitOK, nil // the customers of a small plan are all of other shards
	case sum.Deliveries == 0:
		return 0, usageError("nothing was sent: %s", nothingLeft)
	case sum.CallInstead != "":
		return exitEnvironment, environment(fmt.Errorf("the endpoint speaks TLS on this port, and takes no plain http; did you mean %s?", sum.CallInstead))
	case sum.GaveUpAfter > 0:
		hint := "--give-up-after N goes on until N attempts in a row could not connect, with 0 to the end; --time-scale 0.01 or --retry-delays 1s,2s makes the waits between attempts shorter"
		if r.options.journal.path != "" {
			hint = "the same command with --resume sends what was not accepted; " + hint
		}
		return exitFellShort, &exitError{code: exitFellShort, err: fmt.Errorf("gave up: %d attempts in a row could not connect", sum.GaveUpAfter), hint: hint}
	case !sum.OK():
		return exitFellShort, nil
	}
	return exitOK, nil
}

// target names the endpoint for people.
func (r *sendRun) target() string {
	if r.embedded != nil {
		return "the embedded receiver at " + r.sender.URL
	}
	return shownURL(r.sender.URL)
}

// shardText names the shard of the plan, "" for the whole.
func (r *sendRun) shardText() string {
	if r.plan.Shard.Whole() {
		return ""
	}
	return ", shard " + r.plan.Shard.String()
}

func (a *app) sendRenderer(r *sendRun, progress report.Progress) renderer {
	if r.options.output == "json" {
		return report.NewSendJSON(a.stdout)
	}
	t := report.NewSendText(a.stdout, a.style(a.stdout))
	t.Quiet = a.global.quiet
	t.Header("to %s, seed %s%s", r.target(), strconv.FormatUint(r.plan.Seed, 10), r.shardText())
	for _, text := range r.remarks() {
		t.Header("%s", text)
	}
	t.Follow(progress)
	return t
}
