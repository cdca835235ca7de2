package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/check"
	"relayctl/internal/duration"
	"relayctl/internal/input"
	"relayctl/internal/mask"
	"relayctl/internal/recv"
	"relayctl/internal/report"
)

// checkRun is what the flags came to.
type checkRun struct {
	runner   *check.Runner
	repeats  *report.CheckRepeats
	reports  reportFiles
	baseline *os.File    // to write; nil for none
	har      *reportFile // nil for none
	annotate bool        // print the annotations of GitHub Actions after the run
}

// openFiles makes sure that everything can be written, before anything is sent.
func (r *checkRun) openFiles(a *app, o *checkOptions) error {
	for _, out := range []written{{"write-baseline", o.writeBaseline}, {"har", o.har}, {"save", o.save}} {
		if err := writable(out.path); out.path != "" && err != nil {
			return environment(fmt.Errorf("--%s: %w", out.flag, err))
		}
	}
	if o.writeBaseline != "" {
		f, err := os.OpenFile(o.writeBaseline, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // it is to be shared
		if errors.Is(err, os.ErrExist) {
			return usageError("--write-baseline: %s is already there, and is left as it is", o.writeBaseline)
		}
		if err != nil {
			return environment(fmt.Errorf("--write-baseline: %w", input.Unwritable(o.writeBaseline, err)))
		}
		r.baseline = f
	}
	if err := r.reports.open(a.interrupt); err != nil {
		r.discard()
		return err
	}
	if o.har != "" {
		r.har = &reportFile{path: o.har, private: true}
		if err := r.har.open(a.interrupt); err != nil {
			r.discard()
			return environment(fmt.Errorf("--har: %w", err))
		}
	}
	return nil
}

// archive writes the run's calls to the HAR file, if one is asked for. end completes the
// file.
func (r *checkRun) archive(secrets *mask.Mask) (end func() error) {
	if r.har == nil {
		return func() error { return nil }
	}
	masked := secrets.Writer(r.har.out)
	w := bufio.NewWriter(masked)
	h := capture.NewHAR(w, thisBuild().Version)
	for _, header := range r.runner.Settings.Headers {
		h.Redactor.Names = append(h.Redactor.Names, header.Name)
	}
	r.runner.Settings.Exchanges = h.Add
	return func() error {
		if err := errors.Join(h.Close(), w.Flush(), masked.Flush()); err != nil {
			return err
		}
		return r.har.put()
	}
}

// discard removes the files that were not written.
func (r *checkRun) discard() {
	r.reports.discard()
	if r.baseline != nil {
		_ = r.baseline.Close() // it is of no use
		_ = os.Remove(r.baseline.Name())
	}
	if r.har != nil {
		r.har.discard()
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
	run := r.runner.Settings
	to := run.Target()
	if o.endpoint.to == "" {
		receiver, err := o.demo(run)
		if err != nil {
			return err
		}
		defer receiver.stop()
		to = "the embedded receiver at " + run.URL + ", as a demo (--to URL checks yours)"
	} else if o.waitReady > 0 {
		// If it does not come in time, the run says so, as of any endpoint that is not
		// there.
		_ = run.WaitReady(ctx, o.waitReady, a.waiting(o.waitReady))
	}
	var out checkRenderer = jsonRenderer{report.NewCheckJSON(a.stdout, r.repeats)}
	if o.output == "text" {
		text := report.NewCheckText(a.stdout, a.style(a.stdout), r.runner.Checks, r.repeats)
		text.Verbose = o.verbose
		text.Header("to %s, seed %d, at most %s%s", to, run.Seed, duration.Text(o.most), r.ownTime())
		out = textRenderer{text}
	}
	progress := report.NewCheckProgress(a.stderr, a.style(a.stderr), len(r.runner.Checks), out)
	end := r.archive(a.secrets)
	rep := r.runner.Run(ctx, progress)
	archived := end()
	code := checkCode(rep.Status())
	result := report.CheckResult{Report: rep, Exit: code, Repeats: r.repeats}
	if err := out.finish(result); err != nil {
		return environment(err)
	}
	if err := errors.Join(archived, a.writeCheck(r, result)); err != nil {
		return environment(err)
	}
	return silent(code)
}

// ownTime says, for the header, that the slow checks have time of their own.
func (r *checkRun) ownTime() string {
	if slices.ContainsFunc(r.runner.Checks, func(c check.Check) bool { return slices.Contains(c.Tags, "slow") }) {
		return " and the time of the slow checks"
	}
	return ""
}

// writeCheck writes everything that is asked for beside the run itself. It goes
// on after an error, and returns them all.
func (a *app) writeCheck(r *checkRun, result report.CheckResult) error {
	errs := []error{r.reports.write(reportWriters{
		"json": result.WriteJSON, "junit": result.WriteJUnit, "html": result.WriteHTML, "github": result.WriteGitHub,
	})}
	github := r.annotate
	for _, f := range r.reports {
		github = github || f.format == "github"
	}
	if r.annotate {
		errs = append(errs, result.WriteGitHub(a.stdout))
	}
	if path, ok := a.env("GITHUB_STEP_SUMMARY"); ok && path != "" && github {
		errs = append(errs, a.appendTo(path, result.WriteMarkdown))
	}
	if r.baseline != nil {
		_, err := r.baseline.Write(a.secrets.Bytes(result.WriteBaseline()))
		errs = append(errs, err, r.baseline.Close())
		r.baseline = nil
	}
	return errors.Join(errs...)
}

func (a *app) appendTo(path string, write func(io.Writer) error) error {
	f, err := input.Create(a.interrupt, path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // the workflow's own file
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	w := a.secrets.Writer(f)
	return errors.Join(write(w), w.Flush(), f.Close())
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
func (o *checkOptions) demo(run *check.Settings) (*embedded, error) {
	conf := &recv.Config{Addr: "127.0.0.1:0"}
	if err := demoAuth(conf, &run.AuthConfig, 0); err != nil {
		return nil, usage(flagged(err))
	}
	receiver, err := recv.New(*conf)
	if err != nil {
		return nil, environment(fmt.Errorf("embedded receiver: %w", err))
	}
	run.URL = receiver.URL()
	run.TLS = &tls.Config{RootCAs: receiver.CertPool(), MinVersion: tls.VersionTLS12}
	run.AuthConfig.HTTP = httpClient(run.TLS, nil, run.Timeout)
	if run.AuthConfig.Kind == auth.KindOAuth {
		run.AuthConfig.TokenURL = strings.TrimSuffix(receiver.URL(), "/") + "/oauth/token"
	}
	if run.Auth, err = auth.New(run.AuthConfig); err != nil {
		return nil, usage(flagged(err))
	}
	return serveEmbedded(receiver), nil
}
