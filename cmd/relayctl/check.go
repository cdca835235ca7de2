package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/event"
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

// checkOptions are the flags of check.
type checkOptions struct {
	endpoint   endpointOptions
	probe      probeOptions
	reports    reportOptions
	list       bool
	explain    string
	only, skip []string
	strict     bool
	repeat     int

	batch      int
	batchShape string
	restartCmd string
	faultOn    string
	faultOff   string
	capacity   string
	duration   time.Duration

	parallel  int
	seed      uint64
	timeout   time.Duration
	waitReady time.Duration

	baseline      string
	writeBaseline string
	save          string
	output        string
}

func newCheckCmd(a *app) *cobra.Command {
	o := &checkOptions{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Hold an endpoint to Relay's contract",
		Long: `Run the conformance suite against an endpoint: every failure says what was
expected, what was seen, what to do about it, and how to see it again. Without
--to the receiver inside the process is checked, as a demo.

MUST fails the run, SHOULD warns (and fails with --strict), MAY informs. Exit
codes: 0 green; 1 a check failed, or no valid event was accepted; 2 nothing was
checked; 3 the endpoint cannot be reached, or everything was inconclusive.`,
		Example: `  relayctl check
  relayctl check --to https://staging.example.com/relay \
    --auth basic --username relay --password env:RELAY_PASSWORD
  relayctl check --list
  relayctl check --explain auth.wrong
  relayctl check --only auth,'http.*' --to https://localhost:8443/
  relayctl check --to http://127.0.0.1:3000/relay \
    --report junit=check.xml --report html=check.html`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd, o) },
	}
	o.selectionFlags(cmd)
	o.endpoint.flags(cmd)
	o.probe.flags(cmd)
	o.receiverFlags(cmd)
	o.runFlags(cmd)
	return cmd
}

func (o *checkOptions) selectionFlags(cmd *cobra.Command) {
	defer group(cmd, "Checks")()
	f := cmd.Flags()
	f.BoolVar(&o.list, "list", false, "list the checks, run none")
	f.StringVar(&o.explain, "explain", "", "explain the check of that `id`, run none")
	f.StringSliceVar(&o.only, "only", nil, "run only these: `ids`, groups, tags, globs such as auth.*")
	f.StringSliceVar(&o.skip, "skip", nil, "run all but these: `ids`, groups, tags, globs")
	f.BoolVar(&o.strict, "strict", false, "SHOULD counts like MUST")
	f.IntVar(&o.repeat, "repeat", 1, "run every check so many times; one that comes and goes is flaky, and fails")
	for _, flag := range []string{"only", "skip", "explain"} {
		wordsOf(cmd, flag, func() []string { return check.Names(check.All()) })
	}
}

func (o *checkOptions) receiverFlags(cmd *cobra.Command) {
	defer group(cmd, "What the receiver can do")()
	f := cmd.Flags()
	f.IntVar(&o.batch, "batch", 0, "the largest batch to expect, where batching is configured (R-BATCH)")
	f.StringVar(&o.batchShape, "batch-shape", "array", "array, or wrapped in {\"batch\":[…]} (R-BATCH-BODY, assumed)")
	f.StringVar(&o.restartCmd, "restart-cmd", "", "`command` that kills the receiver and starts it again")
	f.StringVar(&o.faultOn, "fault-on", "", "`command` after which the receiver cannot do its work, as with its database gone")
	f.StringVar(&o.faultOff, "fault-off", "", "`command` that ends that")
	f.StringVar(&o.capacity, "capacity", "5000/m", "`rate` of calls that the receiver has to stand (R-SCALE)")
	f.DurationVar(&o.duration, "duration", 30*time.Second, "how long the load checks last")
	words(cmd, "batch-shape", "array", "wrapped")
}

func (o *checkOptions) runFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	end := group(cmd, "Run")
	f.IntVar(&o.parallel, "parallel", check.DefaultParallel, "checks at once, where they do not disturb each other")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything that is drawn; drawn itself and printed unless given")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "deadline of a call (R-DEADLINE, assumed)")
	f.DurationVar(&o.waitReady, "wait-ready", 0, "wait so long for the endpoint to accept connections")
	end()
	end = group(cmd, "Output")
	f.StringVar(&o.baseline, "baseline", "", "`file` of known failures, which do not fail the run")
	f.StringVar(&o.writeBaseline, "write-baseline", "", "write the failures of this run to a new `file`, to start from")
	f.StringVar(&o.output, "output", "text", "text or json (one object a line)")
	o.reports.flags(cmd, "json", "junit", "html", "github")
	f.StringVar(&o.save, "save", "relayctl-check", "`folder` for what a command that repeats a failure needs; made when it is needed")
	end()
	words(cmd, "output", outputs()...)
}

func (a *app) check(cmd *cobra.Command, o *checkOptions) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	switch {
	case o.explain != "":
		c, err := check.Find(check.All(), o.explain)
		if err != nil {
			return usage(err)
		}
		return environment(report.CheckExplained(a.stdout, a.style(a.stdout), c, o.output == "json"))
	case o.list:
		list, err := o.selected()
		if err != nil {
			return err
		}
		return environment(report.CheckList(a.stdout, a.style(a.stdout), list, o.output == "json"))
	}
	r, err := o.prepare(a, cmd)
	if err != nil {
		return usage(err)
	}
	if err := r.openFiles(o); err != nil {
		return err
	}
	defer r.discard()
	return a.runChecks(cmd.Context(), o, r)
}

func (o *checkOptions) selected() ([]check.Check, error) {
	list, err := check.Select(check.All(), o.only, o.skip)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: err, hint: "relayctl check --list lists them"}
	}
	if len(list) == 0 {
		return nil, usageError("--only and --skip leave no check to run")
	}
	return list, nil
}

// prepare turns the flags into a run, before anything is sent or written.
func (o *checkOptions) prepare(a *app, cmd *cobra.Command) (*checkRun, error) {
	r := &checkRun{}
	list, err := o.selected()
	if err != nil {
		return nil, err
	}
	if err := o.checkNumbers(cmd); err != nil {
		return nil, err
	}
	rate, err := sim.ParseRate(o.capacity)
	if err != nil {
		return nil, fmt.Errorf("--capacity: %w", err)
	}
	if !cmd.Flags().Changed("seed") {
		o.seed = uint64(rand.Uint32())
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	env := &check.Env{
		Timeout: o.timeout, Seed: o.seed, Start: now, RunID: runID(now),
		Batch: o.batch, BatchShape: event.Shape(o.batchShape), Capacity: rate, Duration: o.duration,
		RestartCmd: o.restartCmd, FaultOn: o.faultOn, FaultOff: o.faultOff,
		CACert: o.endpoint.cacert, SaveDir: o.save,
	}
	r.runner = &check.Runner{Env: env, Checks: list, Parallel: o.parallel, Strict: o.strict, Repeat: o.repeat}
	if o.baseline != "" {
		data, err := os.ReadFile(o.baseline)
		if err != nil {
			return nil, fmt.Errorf("--baseline: %w", err)
		}
		if r.runner.Baseline, err = check.ParseBaseline(o.baseline, data, check.All()); err != nil {
			return nil, err
		}
	}
	o.reports.list = slices.DeleteFunc(o.reports.list, func(s string) bool {
		r.annotate = r.annotate || s == "github=-"
		return s == "github=-"
	})
	if r.reports, err = o.reports.parse(); err != nil {
		return nil, err
	}
	if err := o.endpointOf(a, env); err != nil {
		return nil, err
	}
	env.Probe, err = o.probe.probe(a, env)
	return r, err
}

func (o *checkOptions) checkNumbers(cmd *cobra.Command) error {
	switch {
	case o.parallel < 1 || o.parallel > 64:
		return errors.New("--parallel must be between 1 and 64")
	case o.repeat < 1:
		return errors.New("--repeat must be at least 1")
	case o.timeout <= 0:
		return errors.New("--timeout must be more than nothing")
	case o.waitReady < 0:
		return errors.New("--wait-ready must not be negative")
	case o.duration <= 0:
		return errors.New("--duration must be more than nothing")
	case o.batch < 0 || o.batch == 0 && cmd.Flags().Changed("batch"):
		return errors.New("--batch must be at least 1")
	case (o.faultOn == "") != (o.faultOff == ""):
		return errors.New("--fault-on and --fault-off go together")
	}
	return oneOf("batch-shape", o.batchShape, string(event.Array), string(event.Wrapped))
}

// runID names a run, so that what it sends is new to the receiver: the seed
// must not decide it.
func runID(now time.Time) string {
	return fmt.Sprintf("%x%03x", now.Unix(), rand.Uint32()&0xfff)
}

func (o *checkOptions) endpointOf(a *app, env *check.Env) error {
	e := &o.endpoint
	err := e.auth.resolve(a.env)
	if err != nil {
		return err
	}
	if env.TLS, err = e.tlsConfig(); err != nil {
		return err
	}
	if env.Headers, err = e.parseHeaders(); err != nil {
		return err
	}
	env.AuthCfg = e.auth.config()
	env.AuthCfg.InsecureHTTP, env.AuthCfg.Timeout = e.insecureHTTP, o.timeout
	env.AuthCfg.HTTP = httpClient(env.TLS, o.timeout)
	if e.to == "" {
		return nil
	}
	if err := e.checkURL("to", e.to); err != nil {
		return err
	}
	if env.Auth, err = auth.New(env.AuthCfg); err != nil {
		return err
	}
	env.URL = e.to
	_, err = sim.NewSender(sim.SenderConfig{URL: env.URL, Auth: env.Auth, Headers: env.Headers, TLS: env.TLS})
	return err
}
