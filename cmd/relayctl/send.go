package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

// sendOptions are the flags of send.
type sendOptions struct {
	plan          planOptions
	endpoint      endpointOptions
	reports       reportOptions
	journal       journalOptions
	attempts      int
	retryDelays   string
	retryOn       string
	timeout       time.Duration
	pace          string
	timeScale     float64
	batch         int
	batchShape    string
	reorder       float64
	reorderWindow time.Duration
	duplicates    float64
	lostAcks      float64
	rate          string
	workers       int
	spread        bool
	dryRun        bool
	watch         bool
	output        string
	waitReady     time.Duration
}

func newSendCmd(a *app) *cobra.Command {
	o := &sendOptions{}
	cmd := &cobra.Command{
		Use:   "send [WHAT]...",
		Short: "Deliver events as Relay does",
		Long: `Deliver events to an endpoint as Relay does: four attempts, byte-identical
retries, several serial workers.

WHAT is an event name, a scenario name, a file (a JSON envelope or an array of
them, JSON Lines, a capture of "listen", a scenario in YAML), or - for JSON
Lines on stdin. Without it the scenario "journey" is sent. Without --to a
receiver inside the process takes the events over TLS and shows what it saw.`,
		Example: `  relayctl send
  relayctl send message.delivered --to https://staging.example.com/relay \
    --auth basic --username relay --password env:RELAY_PASSWORD
  relayctl send lost-ack --time-scale 0.01
  relayctl send --records 100000 --rate 5000/m --reorder 0.1 --duplicates 0.05 \
    --to https://localhost:8443/
  relayctl generate --records 10 | relayctl send -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.watch {
				return a.watchSend(cmd.Context(), cmd, o, args)
			}
			return a.send(cmd.Context(), cmd, o, args)
		},
	}
	o.plan.flags(cmd)
	o.endpoint.flags(cmd)
	o.deliveryFlags(cmd)
	o.disorderFlags(cmd)
	o.journal.flags(cmd)
	f := cmd.Flags()
	end := group(cmd, "Output")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan, send nothing")
	f.BoolVar(&o.watch, "watch", false, watchHelp)
	f.StringVar(&o.output, "output", "text", "text or json (one object a line)")
	o.reports.flags(cmd, "json", "junit", "html")
	end()
	words(cmd, "output", outputs()...)
	return cmd
}

func (o *sendOptions) deliveryFlags(cmd *cobra.Command) {
	defer group(cmd, "Delivery")()
	f := cmd.Flags()
	f.IntVar(&o.attempts, "attempts", 4, "attempts in total (R-FOUR)")
	f.StringVar(&o.retryDelays, "retry-delays", "10s,30s,2m", "waits between the attempts (R-DELAYS, assumed)")
	f.StringVar(&o.retryOn, "retry-on", sim.DefaultRetryOn, "what is tried again: statuses, 5xx, timeout, connect, cut, tls, token, or none (only 500 and timeout are documented; R-RETRY-ONLY, R-CONNECT, assumed)")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "deadline of a call (R-DEADLINE, assumed)")
	f.IntVar(&o.workers, "workers", 4, "serial workers; a customer stays with one (R-WORKERS, assumed)")
	f.BoolVar(&o.spread, "spread", false, "give each delivery to the next free worker: newer events overtake a retry")
	f.StringVar(&o.rate, "rate", "", "open-loop `pace` in calls, such as 50/s or 5000/m: due times never move, so a slow endpoint makes calls queue and latencies, measured from the due time, grow; --workers bounds how many are under way (unlimited unless given)")
	f.StringVar(&o.pace, "pace", "fast", "fast: in the planned order without waiting; original: with the offsets of the scenario or capture")
	f.Float64Var(&o.timeScale, "time-scale", 1, "multiplies every simulated wait, not --timeout nor --rate")
	f.DurationVar(&o.waitReady, "wait-ready", 0, "wait so long for the endpoint to accept connections")
	words(cmd, "pace", "fast", "original")
	words(cmd, "retry-on", "500", "5xx", "timeout", "connect", "cut", "tls", "token")
}

func (o *sendOptions) disorderFlags(cmd *cobra.Command) {
	defer group(cmd, "Batches and disorder")()
	f := cmd.Flags()
	f.IntVar(&o.batch, "batch", 0, "events a call; single calls unless given (R-BATCH; Relay's size is not documented: 50 is assumed, R-BATCH-SIZE)")
	f.StringVar(&o.batchShape, "batch-shape", "array", "array, or wrapped in {\"batch\":[…]} (R-BATCH-BODY, assumed)")
	f.Float64Var(&o.reorder, "reorder", 0, "`share` of the deliveries that arrives late, 0 to 1 (R-ORDER)")
	f.DurationVar(&o.reorderWindow, "reorder-window", 30*time.Second, "by how much of event time at most")
	f.Float64Var(&o.duplicates, "duplicates", 0, "`share` that is delivered again later, byte-identical (R-DUP, assumed)")
	f.Float64Var(&o.lostAcks, "lost-acks", 0, "`share` whose first answer is dropped, so that the event comes again (R-DUP, assumed)")
	words(cmd, "batch-shape", "array", "wrapped")
}

// sendRun is what the flags came to.
type sendRun struct {
	plan     sim.PlanConfig
	files    *planFiles
	sender   sim.SenderConfig
	auth     auth.Config
	embedded *recv.Config  // nil when --to names an endpoint
	scenario *sim.Scenario // when a scenario is sent by itself
	preset   []string      // the flags that it set
	reports  reportFiles
}

// send makes one run, which ends when ctx is done.
func (a *app) send(ctx context.Context, cmd *cobra.Command, o *sendOptions, args []string) (err error) {
	r, err := o.check(a, cmd, args)
	if r != nil && r.files != nil {
		defer func() { err = errors.Join(err, environment(r.files.close())) }()
	}
	if err != nil {
		return usage(err)
	}
	if o.dryRun {
		return a.dryRun(ctx, o, r)
	}
	if o.waitReady > 0 && o.endpoint.to != "" {
		if err := sim.WaitReady(ctx, o.endpoint.to, o.waitReady); err != nil {
			if ctx.Err() != nil {
				return &exitError{code: exitInterrupted, err: errors.New("interrupted while waiting for the endpoint; nothing was sent")}
			}
			return environment(err)
		}
	}
	if err := r.reports.open(); err != nil {
		return err
	}
	defer r.reports.discard()
	if r.sender.Journal, err = o.journal.open(cmd, args, r); err != nil {
		return err
	}
	defer context.AfterFunc(cmd.Context(), func() {
		fmt.Fprintln(a.stderr, "interrupted: attempts under way still end; another Ctrl-C ends them at once")
	})()
	code, err := a.deliver(ctx, o, r)
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

// check turns the flags into configurations, before anything is sent.
func (o *sendOptions) check(a *app, cmd *cobra.Command, args []string) (*sendRun, error) {
	r := &sendRun{}
	if err := checkOutput(o.output); err != nil {
		return r, err
	}
	if err := o.journal.continued(a, cmd); err != nil {
		return r, err
	}
	var err error
	if r.reports, err = o.reports.parse(); err != nil {
		return r, err
	}
	if r.plan, r.files, err = o.plan.config(a, cmd, args); err != nil {
		return r, err
	}
	out := []written{{"rejects", o.plan.rejects}, {"journal", o.journal.path}}
	for _, f := range r.reports {
		out = append(out, written{"report " + f.format, f.path})
	}
	if err := overwrites(r.plan.Sources, o.plan.csv, out...); err != nil {
		return r, err
	}
	if err := o.presets(cmd, r); err != nil {
		return r, err
	}
	if err := checkNeeds(cmd, a.typed); err != nil {
		return r, err
	}
	if o.batch < 0 || o.batch == 0 && cmd.Flags().Changed("batch") {
		return r, errors.New("--batch must be at least 1")
	}
	r.plan.Reorder, r.plan.ReorderWindow, r.plan.Duplicates, r.plan.LostAcks = o.reorder, o.reorderWindow, o.duplicates, o.lostAcks
	r.plan.Batch = o.batch
	if err := oneOf("batch-shape", o.batchShape, string(event.Array), string(event.Wrapped)); err != nil {
		return r, err
	}
	r.plan.BatchShape = event.Shape(o.batchShape)
	if err := o.checkSender(r); err != nil {
		return r, err
	}
	if err := o.checkEndpoint(a, r); err != nil {
		return r, err
	}
	readAhead(r.plan.Sources)
	return r, r.plan.Check()
}

func (o *sendOptions) checkSender(r *sendRun) error {
	s := &r.sender
	s.Attempts, s.Timeout, s.TimeScale, s.Workers, s.Spread, s.Seed = o.attempts, o.timeout, o.timeScale, o.workers, o.spread, r.plan.Seed
	var err error
	if s.RetryDelays, err = sim.ParseDelays(o.retryDelays); err != nil {
		return fmt.Errorf("--%w", err)
	}
	if s.RetryOn, err = sim.ParseRetryOn(o.retryOn); err != nil {
		return fmt.Errorf("--%w", err)
	}
	if o.rate != "" {
		if s.Rate, err = sim.ParseRate(o.rate); err != nil {
			return fmt.Errorf("--rate: %w", err)
		}
	}
	switch {
	case o.attempts < 1:
		return errors.New("--attempts must be at least 1")
	case o.workers < 1 || o.workers > 10000:
		return errors.New("--workers must be between 1 and 10000")
	case o.timeout <= 0:
		return errors.New("--timeout must be more than nothing")
	case o.waitReady < 0:
		return errors.New("--wait-ready must not be negative")
	case !(o.timeScale >= 0) || o.timeScale > 1e6:
		return errors.New("--time-scale must not be negative")
	}
	if err := oneOf("pace", o.pace, "fast", "original"); err != nil {
		return err
	}
	if s.Original = o.pace == "original"; o.timeScale == 0 {
		s.TimeScale = -1
	}
	return nil
}

func (o *sendOptions) checkEndpoint(a *app, r *sendRun) error {
	e := &o.endpoint
	if err := e.auth.resolve(a.env); err != nil {
		return err
	}
	conf, err := e.tlsConfig()
	if err != nil {
		return err
	}
	r.sender.TLS = conf
	if r.sender.Headers, err = e.parseHeaders(); err != nil {
		return err
	}
	r.sender.Kill = a.kill
	r.auth = e.auth.config()
	r.auth.InsecureHTTP, r.auth.Timeout = e.insecureHTTP, o.timeout
	if e.to == "" {
		return o.checkEmbedded(r)
	}
	if err := e.checkURL("to", e.to); err != nil {
		return err
	}
	r.auth.HTTP = httpClient(conf, o.timeout)
	if r.sender.Auth, err = auth.New(r.auth); err != nil {
		return err
	}
	r.sender.URL = e.to
	_, err = sim.NewSender(r.sender)
	return err
}

// dryRun prints the plan.
func (a *app) dryRun(ctx context.Context, o *sendOptions, r *sendRun) error {
	plan, err := sim.NewPlan(r.plan)
	if err != nil {
		return usage(err)
	}
	p := report.NewPlan(a.stdout, a.style(a.stdout), o.output == "json")
	for d, err := range plan {
		if ctx.Err() != nil {
			fmt.Fprintln(a.stderr, "interrupted: there is more of the plan")
			return errors.Join(environment(p.Finish(r.plan.Seed)), silent(exitInterrupted))
		}
		if err != nil {
			return usage(errors.Join(err, p.Finish(r.plan.Seed)))
		}
		p.Delivery(&d)
	}
	return environment(p.Finish(r.plan.Seed))
}

// renderer is what send shows its run with.
type renderer interface {
	sim.Observer
	Finish(sim.Summary, *recv.Summary) error
}

// deliver makes the run and returns its exit code.
func (a *app) deliver(ctx context.Context, o *sendOptions, r *sendRun) (int, error) {
	var receiver *embedded
	if r.embedded != nil {
		var err error
		if receiver, err = startEmbedded(r); err != nil {
			return 0, err
		}
		defer receiver.stop()
	}
	progress := a.progress(o, r)
	sender, err := sim.NewSender(r.sender)
	if err != nil {
		return 0, usage(err)
	}
	plan, err := sim.NewPlan(r.plan)
	if err != nil {
		return 0, usage(err)
	}
	if err := r.files.begin(); err != nil {
		return 0, err
	}
	out := a.sendRenderer(o, r, progress)
	record := report.NewSendRecord(r.target())
	sum, runErr := sender.Run(ctx, plan, r.reports.observers(out, record))
	var seen *recv.Summary
	if receiver != nil {
		receiver.stop()
		s := receiver.Summary()
		seen = &s
	}
	if err := out.Finish(sum, seen); err != nil {
		return 0, environment(err)
	}
	code, err := verdict(ctx, &sum, runErr)
	result := report.SendResult{Record: record, Summary: sum, Embedded: seen, Exit: exitCode(code, err)}
	return code, errors.Join(err, r.reports.writeSend(result))
}

// verdict turns what a run came to into the exit code.
func verdict(ctx context.Context, sum *sim.Summary, runErr error) (int, error) {
	switch {
	case errors.As(runErr, new(*sim.JournalError)):
		return 0, environment(runErr)
	case ctx.Err() != nil:
		return exitInterrupted, nil
	case runErr != nil && sum.Attempts == 0:
		return 0, usage(runErr)
	case runErr != nil: // such as a broken line on stdin, after good ones
		return 0, &exitError{code: exitFellShort, err: runErr}
	case sum.Deliveries == 0:
		return 0, usageError("nothing was sent: there was nothing to read, or --events and the rejects left no event")
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

func (a *app) sendRenderer(o *sendOptions, r *sendRun, progress report.Progress) renderer {
	if o.output == "json" {
		return report.NewSendJSON(a.stdout)
	}
	t := report.NewSendText(a.stdout, a.style(a.stdout))
	t.Header("to %s, seed %s", r.target(), strconv.FormatUint(r.plan.Seed, 10))
	for _, text := range r.remarks() {
		t.Header("%s", text)
	}
	t.Follow(progress)
	return t
}
