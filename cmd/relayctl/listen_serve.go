package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/recv"
	"relayctl/internal/report"
)

// listenRenderer is what listen shows its receipts with.
type listenRenderer interface {
	Listening(report.Banner) error
	Receipt(*recv.Receipt)
	Flush() error
	Finish(recv.Summary, []string) error
}

func (a *app) listen(ctx context.Context, o *listenOptions) (err error) {
	r, err := o.check(a)
	if err != nil {
		return usage(err)
	}
	if r.config.TLS == recv.TLSAuto && o.cert == "" {
		if r.config.Authority, err = a.authority(); err != nil {
			return err
		}
	}
	if o.capture != "" {
		if err := noOtherFile(o.capture); err != nil {
			return usage(fmt.Errorf("--capture: %w", err))
		}
		w, err := capture.Open(o.capture, capture.Options{Sync: r.sync, MaxBytes: r.limit})
		if err != nil {
			return environment(err)
		}
		defer func() {
			// What --sync interval has not written yet may fail as late as here.
			if cerr := w.Close(); cerr != nil && exitCode(exitOK, err) <= exitFellShort {
				err = environment(cerr)
			}
		}()
		r.config.Capture = w
	}
	return a.serve(ctx, o, r)
}

// authority is the local CA, made where there is none yet.
func (a *app) authority() (*recv.Authority, error) {
	dir, err := configDir(a.env)
	if err != nil {
		err = fmt.Errorf("there is no folder for the local CA: %w", err)
	}
	var ca *recv.Authority
	if err == nil {
		ca, err = recv.LoadAuthority(dir)
	}
	if err != nil {
		return nil, &exitError{code: exitEnvironment, err: err, hint: "--tls off, or --cert with --key, needs no CA; $XDG_CONFIG_HOME says where to keep one"}
	}
	return ca, nil
}

// serve listens until it is told to end, or has what was expected.
func (a *app) serve(ctx context.Context, o *listenOptions, r listenRun) error {
	// What is held is large and has no pointers: collecting earlier costs little
	// and keeps a process small that is left running all day.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	ctx, done := context.WithCancel(ctx)
	defer done()
	if o.lasts > 0 {
		ctx, done = context.WithTimeout(ctx, o.lasts)
		defer done()
	}
	var out listenRenderer = report.NewListenText(a.stdout, a.style(a.stdout), o.verbose)
	if o.output == "json" {
		out = report.NewListenJSON(a.stdout, o.verbose)
	}
	var broken atomic.Bool
	r.config.Observe = func(rc *recv.Receipt) {
		out.Receipt(rc)
		if !rc.More && out.Flush() != nil && !broken.Swap(true) {
			done() // nobody reads any more
		}
	}
	r.config.Enough = func(s *recv.Summary) bool {
		return o.expect > 0 && s.Accepted >= o.expect || o.failFast && len(s.Failures(r.failOn)) > 0
	}
	r.config.Notice = func(msg string) { fmt.Fprintln(a.stderr, "relayctl:", report.Clean(msg)) }
	receiver, err := recv.New(r.config)
	if err != nil {
		var listen *recv.ListenError
		if errors.As(err, &listen) {
			return err
		}
		return usage(err)
	}
	banner := report.Banner{URL: receiver.URL(), CA: receiver.CAFile(), Auth: o.auth.curlAuth(), Token: o.auth.curlToken()}
	banner.Seed, banner.Chance = receiver.Seed()
	if err = out.Listening(banner); err != nil {
		receiver.Close()
	}
	if err != nil {
		return environment(err)
	}
	served := make(chan error, 1)
	go func() { served <- receiver.Serve(ctx) }()
	select {
	case err = <-served:
	case <-a.kill.Done():
		return silent(exitInterrupted)
	}
	stuck := errors.Is(err, recv.ErrStuck)
	if err != nil && !stuck {
		return environment(err)
	}
	sum := receiver.Summary()
	failures := sum.Failures(r.failOn)
	if sum.Accepted < o.expect {
		failures = append(failures, fmt.Sprintf("%d of %d expected events", sum.Accepted, o.expect))
	}
	if !stuck {
		err = a.finish(func() error { return out.Finish(sum, failures) })
	}
	switch {
	case stuck || errors.Is(err, errUnread):
		fmt.Fprintf(a.stderr, "relayctl: the output is not read any more: %d receipts and the summary were not shown\n", sum.Dropped)
	case err != nil && !broken.Load():
		return environment(err)
	}
	if sum.Unstored > 0 {
		return environment(fmt.Errorf("the capture could not be written to the end: requests not stored: %d", sum.Unstored))
	}
	if len(failures) > 0 {
		return silent(exitFellShort)
	}
	return nil
}

// finishTime is how long the reader of the output has for the summary.
const finishTime = 2 * time.Second

var errUnread = errors.New("nobody reads the output")

// finish writes the summary, and gives up on a reader that does not take it in
// time.
func (a *app) finish(write func() error) error {
	done := make(chan error, 1)
	go func() { done <- write() }()
	timer := time.NewTimer(finishTime)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-a.kill.Done():
	case <-timer.C:
	}
	return errUnread
}

// curlAuth gives the credentials of the ready-made curl line, secrets as the
// shell finds them.
func (o *authOptions) curlAuth() string {
	switch o.kind {
	case "basic":
		return " -u " + report.ShellQuote(o.username+":") + inShell(o.password, "$RELAY_PASSWORD")
	case "api-key":
		return " -H 'ApiKey: '" + inShell(o.apiKey, "$RELAY_API_KEY")
	case "oauth":
		return ` -H "Authorization: Bearer $TOKEN"`
	}
	return ""
}

// curlToken gives the credentials of the call that gets $TOKEN.
func (o *authOptions) curlToken() string {
	if o.kind == "oauth" {
		return " -u " + report.ShellQuote(o.clientID+":") + inShell(o.clientSecret, "$RELAY_CLIENT_SECRET")
	}
	return ""
}

// inShell is what the shell makes a secret of: it is looked up where the flag
// says that it is, and a variable stands for a literal.
func inShell(secret, variable string) string {
	if name, ok := strings.CutPrefix(secret, "env:"); ok && isIdentifier(name) {
		variable = "$" + name
	}
	if path, ok := strings.CutPrefix(secret, "file:"); ok {
		variable = "$(cat " + report.ShellQuote(path) + ")"
	}
	return `"` + variable + `"`
}

// isIdentifier says whether a shell can have a variable of that name.
func isIdentifier(name string) bool {
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == "" && name[0] > '9'
}
