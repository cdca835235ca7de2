package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/recv"
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

// checkRun is what the flags came to.
type checkRun struct {
	runner   *check.Runner
	reports  reportFiles
	baseline *os.File // to write; nil for none
	annotate bool     // print the annotations of GitHub Actions after the run
}

// openFiles makes sure that everything can be written, before anything is sent.
func (r *checkRun) openFiles(o *checkOptions) error {
	if o.writeBaseline != "" {
		f, err := os.OpenFile(o.writeBaseline, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // it is to be shared
		if errors.Is(err, os.ErrExist) {
			return usageError("--write-baseline: %s is already there, and is left as it is", o.writeBaseline)
		}
		if err != nil {
			return environment(fmt.Errorf("--write-baseline: %w", err))
		}
		r.baseline = f
	}
	if err := r.reports.open(); err != nil {
		r.discard()
		return err
	}
	return nil
}

// discard gives up what was not written.
func (r *checkRun) discard() {
	r.reports.discard()
	if r.baseline != nil {
		_ = r.baseline.Close() // it is of no use
		_ = os.Remove(r.baseline.Name())
	}
}

// checkRenderer is what check shows its run with.
type checkRenderer interface {
	check.Observer
	finish(report.CheckResult) error
}

type textRenderer struct{ *report.CheckText }

func (t textRenderer) finish(r report.CheckResult) error { return t.Finish(r.Report) }

type jsonRenderer struct{ *report.CheckJSON }

func (j jsonRenderer) finish(r report.CheckResult) error { return j.Finish(r) }

func (a *app) runChecks(ctx context.Context, o *checkOptions, r *checkRun) error {
	env := r.runner.Env
	to := env.Target()
	if o.endpoint.to == "" {
		receiver, err := o.demo(env)
		if err != nil {
			return err
		}
		defer receiver.stop()
		to = "the embedded receiver at " + env.URL + ", as a demo (--to URL checks yours)"
	} else if o.waitReady > 0 {
		// One that does not come is told like any that is not there.
		_ = sim.WaitReady(ctx, env.URL, o.waitReady)
	}
	var out checkRenderer = jsonRenderer{report.NewCheckJSON(a.stdout)}
	if o.output == "text" {
		text := report.NewCheckText(a.stdout, a.style(a.stdout), r.runner.Checks)
		text.Header("to %s, seed %d", to, env.Seed)
		out = textRenderer{text}
	}
	progress := report.NewCheckProgress(a.stderr, a.style(a.stderr), len(r.runner.Checks), out)
	rep := r.runner.Run(ctx, progress)
	code := checkCode(rep.Status())
	result := report.CheckResult{Report: rep, Exit: code}
	if err := out.finish(result); err != nil {
		return environment(err)
	}
	if err := a.writeCheck(r, result); err != nil {
		return environment(err)
	}
	return silent(code)
}

// writeCheck writes everything that is asked for beside the run itself. It goes
// on after an error, and returns them all.
func (a *app) writeCheck(r *checkRun, result report.CheckResult) error {
	errs := []error{r.reports.write(func(format string, w io.Writer) error {
		switch format {
		case "json":
			return result.WriteJSON(w)
		case "junit":
			return result.WriteJUnit(w)
		case "html":
			return result.WriteHTML(w)
		}
		return result.WriteGitHub(w)
	})}
	github := r.annotate
	for _, f := range r.reports {
		github = github || f.format == "github"
	}
	if r.annotate {
		errs = append(errs, result.WriteGitHub(a.stdout))
	}
	if path, ok := a.env("GITHUB_STEP_SUMMARY"); ok && path != "" && github {
		errs = append(errs, appendTo(path, result.WriteMarkdown))
	}
	if r.baseline != nil {
		_, err := r.baseline.Write(result.WriteBaseline())
		errs = append(errs, err, r.baseline.Close())
		r.baseline = nil
	}
	return errors.Join(errs...)
}

func appendTo(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // the workflow's own file
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	return errors.Join(write(f), f.Close())
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
