package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/event"
	"relayctl/internal/input"
	"relayctl/internal/report"
	"relayctl/internal/sim"
	"relayctl/internal/strictyaml"
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
	most      time.Duration

	baseline      string
	writeBaseline string
	save          string
	har           string
	output        string
	verbose       bool
}

func newCheckCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "check",
		Short: "Hold an endpoint to Relay's contract",
		Long: `Run the conformance suite against an endpoint: every failure says what was
expected, what was seen, what to do about it, and how to see it again. Without
--to the receiver inside the process is checked, as a demo.

MUST fails the run, SHOULD warns (and fails with --strict), MAY informs. Exit
codes: 0 green; 1 a check failed, or no valid event was accepted; 2 nothing was
checked; 3 the endpoint cannot be reached, or a check that counts was
inconclusive.`,
		Example: `  relayctl check
  relayctl check --to https://staging.example.com/relay \
    --auth basic --username relay --password env:RELAY_PASSWORD
  relayctl check --to http://127.0.0.1:3000/relay \
    --probe 'http://127.0.0.1:3000/customers/{ccid}'
  relayctl check --list
  relayctl check --explain auth.wrong
  relayctl check --only auth,'http.*' --to https://localhost:8443/
  relayctl check --to http://127.0.0.1:3000/relay \
    --report junit=check.xml --report html=check.html`,
	}, a.check)
}

func (o *checkOptions) flags(cmd *cobra.Command) {
	o.selectionFlags(cmd)
	o.endpoint.flags(cmd)
	o.probe.flags(cmd)
	o.receiverFlags(cmd)
	o.runFlags(cmd)
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
	within(cmd, "1", "1000", "repeat")
	for _, flag := range []string{"only", "skip", "explain"} {
		wordsOf(cmd, flag, func() []string { return check.Names(check.All()) })
	}
}

func (o *checkOptions) receiverFlags(cmd *cobra.Command) {
	defer group(cmd, "What the receiver can do")()
	f := cmd.Flags()
	f.IntVar(&o.batch, "batch", 0, "the largest batch to expect, where batching is configured (R-BATCH)")
	batchShapeFlag(cmd, &o.batchShape)
	needs(cmd, "batch", "batch-shape")
	f.StringVar(&o.restartCmd, "restart-cmd", "", "`command` that kills the receiver and starts it again")
	f.StringVar(&o.faultOn, "fault-on", "", "`command` after which the receiver cannot do its work, as with its database gone")
	f.StringVar(&o.faultOff, "fault-off", "", "`command` that ends that")
	f.StringVar(&o.capacity, "capacity", "5000/m", "`rate` of calls that the receiver has to stand (R-SCALE)")
	f.DurationVar(&o.duration, "duration", 30*time.Second, "how long the load checks last")
	within(cmd, "1", "10000", "batch")
	within(cmd, "1ns", "24h", "duration")
}

func (o *checkOptions) runFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	end := group(cmd, "Run")
	f.IntVar(&o.parallel, "parallel", check.DefaultParallel, "checks at once, where they do not disturb each other")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything that is drawn; drawn itself and printed unless given")
	f.DurationVar(&o.timeout, "timeout", event.Deadline, "deadline of a call (R-DEADLINE, assumed)")
	f.DurationVar(&o.most, "max-duration", 5*time.Minute, "longest time of the run without the slow checks, such as those of load; what is cut off is inconclusive")
	f.DurationVar(&o.waitReady, "wait-ready", 0, "wait so long for the endpoint to accept connections")
	end()
	end = group(cmd, "Output")
	f.StringVar(&o.baseline, "baseline", "", "`file` of known failures, which do not fail the run")
	f.StringVar(&o.writeBaseline, "write-baseline", "", "write the failures of this run to a new `file`, to start from")
	outputFlag(cmd, &o.output, "one object a line")
	f.BoolVar(&o.verbose, "verbose", false, "show the checks that pass and those that are skipped as well, one a line")
	o.reports.flags(cmd, "json", "junit", "html", "github")
	f.StringVar(&o.har, "har", "", "keep every call and its answer in a `file` in the HTTP Archive format (HAR 1.2), without credentials")
	writes(cmd, "write-baseline", "har")
	f.StringVar(&o.save, "save", "relayctl-check", "`folder` for what a command that repeats a failure needs; made when it is needed")
	end()
	within(cmd, "1", "64", "parallel")
	within(cmd, "1ns", "1h", "timeout")
	within(cmd, "1ns", "8760h", "max-duration")
	within(cmd, "0", "8760h", "wait-ready")
	needs(cmd, "to", "wait-ready")
}

func (a *app) check(ctx context.Context, o *checkOptions, s *settings, _ []string) error {
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
	r, err := o.prepare(a, s)
	if err != nil {
		return usage(err)
	}
	if err := r.openFiles(a, o); err != nil {
		return err
	}
	defer r.discard()
	return a.runChecks(ctx, o, r)
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
func (o *checkOptions) prepare(a *app, s *settings) (*checkRun, error) {
	r := &checkRun{}
	list, err := o.selected()
	if err != nil {
		return nil, err
	}
	if (o.faultOn == "") != (o.faultOff == "") {
		return nil, errors.New("--fault-on and --fault-off go together")
	}
	rate, err := sim.ParseRate(o.capacity)
	if err != nil {
		return nil, fmt.Errorf("--capacity: %w", err)
	}
	if !s.given("seed") {
		o.seed = uint64(rand.Uint32())
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	run := &check.Settings{
		Timeout: o.timeout, Seed: o.seed, Start: now, RunID: runID(now),
		Batch: o.batch, BatchShape: event.Shape(o.batchShape), Capacity: rate, Duration: o.duration,
		RestartCmd: o.restartCmd, FaultOn: o.faultOn, FaultOff: o.faultOff,
	}
	r.repeats = &report.CheckRepeats{Settings: run, CACert: o.endpoint.cacert, Cert: o.endpoint.clientCert, Key: o.endpoint.clientKey, Proxy: o.endpoint.proxyWords(), Folder: o.save, Flags: o.receiverWords(), Mask: a.secrets.Bytes}
	r.runner = &check.Runner{Settings: run, Checks: list, Parallel: o.parallel, Strict: o.strict, Repeat: o.repeat, MaxDuration: o.most}
	if o.baseline != "" {
		data, err := input.ReadFile(a.interrupt, o.baseline, strictyaml.MaxSize)
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
	if r.reports, err = o.reports.parse(a.secrets); err != nil {
		return nil, err
	}
	if err := o.endpointOf(a, run); err != nil {
		return nil, err
	}
	run.Probe, err = o.probe.probe(a, run)
	return r, err
}

// runID names a run, so that what it sends is new to the receiver: the seed
// must not decide it.
func runID(now time.Time) string {
	return fmt.Sprintf("%x%03x", now.Unix(), rand.Uint32()&0xfff)
}

// receiverWords are the flags of what the receiver can do, for the command that
// runs a check again.
func (o *checkOptions) receiverWords() string {
	var words []string
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag+" "+report.ShellQuote(value))
		}
	}
	add("--probe", o.probe.url)
	add("--probe-cmd", o.probe.command)
	for _, h := range o.probe.headers {
		name, value, _ := strings.Cut(h, ":")
		if value = strings.TrimSpace(value); !strings.HasPrefix(value, "env:") && !strings.HasPrefix(value, "file:") {
			value = "env:RELAY_PROBE_HEADER" // it may be a secret
		}
		add("--probe-header", name+": "+value)
	}
	add("--probe-ignore", strings.Join(o.probe.ignore, ","))
	if o.batch > 0 {
		add("--batch", strconv.Itoa(o.batch))
	}
	add("--restart-cmd", o.restartCmd)
	add("--fault-on", o.faultOn)
	add("--fault-off", o.faultOff)
	return strings.Join(words, " ")
}

func (o *checkOptions) endpointOf(a *app, run *check.Settings) error {
	e := &o.endpoint
	err := e.auth.resolve(a)
	if err != nil {
		return err
	}
	if run.TLS, err = e.tlsConfig(a.interrupt); err != nil {
		return err
	}
	if run.Headers, err = e.parseHeaders(); err != nil {
		return err
	}
	run.AuthConfig = e.auth.config()
	run.AuthConfig.InsecureHTTP, run.AuthConfig.Timeout = e.insecureHTTP, o.timeout
	proxies, err := a.proxies(e.proxy)
	if err != nil {
		return err
	}
	o.probe.proxy = proxies.ofRequest
	run.AuthConfig.HTTP = httpClient(run.TLS, proxies, o.timeout)
	if e.to == "" {
		return nil
	}
	if err := e.verifyURL("to", e.to); err != nil {
		return err
	}
	if run.Proxy, err = a.proxyTo(e.to, proxies, run.TLS); err != nil {
		return err
	}
	run.Advice = advice()
	run.LeaveOut = leaveOut
	if run.Auth, err = auth.New(run.AuthConfig); err != nil {
		return flagged(err)
	}
	run.URL = e.to
	_, err = sim.NewSender(sim.SenderConfig{URL: run.URL, Auth: run.Auth, Headers: run.Headers, TLS: run.TLS, Proxy: run.Proxy})
	return err
}
