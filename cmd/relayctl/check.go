package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

// checkOptions are the flags of check.
type checkOptions struct {
	endpoint   endpointOptions
	list       bool
	explain    string
	only, skip []string
	strict     bool
	parallel   int
	seed       uint64
	timeout    time.Duration
	waitReady  time.Duration
	batch      int
	batchShape string
	save       string
}

func newCheckCmd(a *app) *cobra.Command {
	o := &checkOptions{}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Hold an endpoint to Relay's contract",
		Long: `Run the conformance suite against an endpoint: every check says what it expects,
what it saw, what to do about it, and how to see it again. Without --to the
receiver inside the process is checked, as a demo.

MUST fails the run, SHOULD warns (and fails with --strict), MAY informs. Exit
codes: 0 green, 1 a check failed, 2 nothing was checked, 3 the endpoint cannot
be reached or everything was inconclusive.`,
		Example: `  relayctl check
  relayctl check --to https://staging.example.com/relay \
    --auth basic --username relay --password env:RELAY_PASSWORD
  relayctl check --list
  relayctl check --explain auth.wrong
  relayctl check --only auth,http.* --skip load --to https://localhost:8443/`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd, o) },
	}
	o.endpoint.flags(cmd)
	o.runFlags(cmd)
	return cmd
}

func (o *checkOptions) runFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	end := group(cmd, "Checks")
	f.BoolVar(&o.list, "list", false, "list the checks, run none")
	f.StringVar(&o.explain, "explain", "", "explain the check of that `id`, run none")
	f.StringSliceVar(&o.only, "only", nil, "run only these: `ids`, groups, tags, globs such as auth.*")
	f.StringSliceVar(&o.skip, "skip", nil, "run all but these: `ids`, groups, tags, globs")
	f.BoolVar(&o.strict, "strict", false, "SHOULD counts like MUST")
	end()
	end = group(cmd, "Run")
	f.IntVar(&o.parallel, "parallel", check.DefaultParallel, "checks at once, where they do not disturb each other")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything that is drawn; drawn itself and printed unless given")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "deadline of a call (R-DEADLINE, assumed)")
	f.DurationVar(&o.waitReady, "wait-ready", 0, "wait so long for the endpoint to accept connections")
	f.IntVar(&o.batch, "batch", 0, "the largest batch to expect, where batching is configured (R-BATCH)")
	f.StringVar(&o.batchShape, "batch-shape", "array", "array, or wrapped in {\"batch\":[…]} (R-BATCH-BODY, assumed)")
	f.StringVar(&o.save, "save", "relayctl-check", "`folder` for what a command that repeats a failure needs; made when it is needed")
	end()
	words(cmd, "batch-shape", "array", "wrapped")
	for _, flag := range []string{"only", "skip", "explain"} {
		words(cmd, flag, check.Names(check.All())...)
	}
}

func (a *app) check(cmd *cobra.Command, o *checkOptions) error {
	switch {
	case o.explain != "":
		c, err := check.Find(check.All(), o.explain)
		if err != nil {
			return usage(err)
		}
		return environment(report.CheckExplained(a.stdout, a.style(a.stdout), c))
	case o.list:
		list, err := o.selected()
		if err != nil {
			return err
		}
		return environment(report.CheckList(a.stdout, a.style(a.stdout), list))
	}
	r, err := o.runner(a, cmd)
	if err != nil {
		return usage(err)
	}
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

// runner turns the flags into a runner, before anything is sent.
func (o *checkOptions) runner(a *app, cmd *cobra.Command) (*check.Runner, error) {
	list, err := o.selected()
	if err != nil {
		return nil, err
	}
	if o.parallel < 1 || o.parallel > 64 {
		return nil, errors.New("--parallel must be between 1 and 64")
	}
	if o.timeout <= 0 {
		return nil, errors.New("--timeout must be more than nothing")
	}
	if o.batch < 0 || o.batch == 0 && cmd.Flags().Changed("batch") {
		return nil, errors.New("--batch must be at least 1")
	}
	if err := oneOf("batch-shape", o.batchShape, string(event.Array), string(event.Wrapped)); err != nil {
		return nil, err
	}
	if !cmd.Flags().Changed("seed") {
		o.seed = uint64(rand.Uint32())
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	env := &check.Env{
		Timeout: o.timeout, Seed: o.seed, Start: now, RunID: runID(now),
		Batch: o.batch, BatchShape: event.Shape(o.batchShape), CACert: o.endpoint.cacert, SaveDir: o.save,
	}
	return &check.Runner{Env: env, Checks: list, Parallel: o.parallel, Strict: o.strict}, o.endpointOf(a, env)
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

func (a *app) runChecks(ctx context.Context, o *checkOptions, r *check.Runner) error {
	to := r.Env.Target()
	if o.endpoint.to == "" {
		receiver, err := o.demo(r.Env)
		if err != nil {
			return err
		}
		defer receiver.stop()
		to = "the embedded receiver at " + r.Env.URL + ", as a demo: --to URL checks yours"
	} else if o.waitReady > 0 {
		if err := sim.WaitReady(ctx, r.Env.URL, o.waitReady); err != nil {
			return environment(err)
		}
	}
	text := report.NewCheckText(a.stdout, a.style(a.stdout))
	text.Header("to %s, seed %d", to, r.Env.Seed)
	rep := r.Run(ctx, text)
	if err := text.Finish(rep); err != nil {
		return environment(err)
	}
	return silent(checkCode(rep.Status()))
}

// checkCode is the exit code of a run.
func checkCode(s check.Status) int {
	switch s {
	case check.Green:
		return exitOK
	case check.Red:
		return exitFellShort
	case check.Unchecked:
		return exitUsage
	case check.Stopped:
		return exitInterrupted
	}
	return exitEnvironment
}

// demo starts the embedded receiver and points the checks at it.
func (o *checkOptions) demo(env *check.Env) (*embedded, error) {
	conf := &recv.Config{Addr: "127.0.0.1:0"}
	if err := demoAuth(conf, &env.AuthCfg, 0); err != nil {
		return nil, usage(err)
	}
	receiver, err := recv.New(*conf)
	if err != nil {
		return nil, environment(fmt.Errorf("embedded receiver: %w", err))
	}
	env.URL = receiver.URL()
	env.TLS = &tls.Config{RootCAs: receiver.CertPool(), MinVersion: tls.VersionTLS12}
	env.AuthCfg.HTTP = httpClient(env.TLS, env.Timeout)
	if env.AuthCfg.Kind == auth.KindOAuth {
		env.AuthCfg.TokenURL = strings.TrimSuffix(receiver.URL(), "/") + "/oauth/token"
	}
	if env.Auth, err = auth.New(env.AuthCfg); err != nil {
		return nil, usage(err)
	}
	return serveEmbedded(receiver), nil
}
