package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/duration"
	"relayctl/internal/recv"
	"relayctl/internal/report"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// The exit codes, which scripts hold on to.
const (
	exitOK          = 0
	exitFellShort   = 1   // the endpoint or the data fell short
	exitUsage       = 2   // usage or configuration; nothing was sent
	exitEnvironment = 3   // cannot listen, cannot write, cannot reach
	exitInterrupted = 130 // after the summary was printed and files were closed
)

// exitError carries an exit code to the one place that decides it. With a nil
// err nothing is printed: the command has said everything itself.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// usage marks an error as the user's: exit 2.
func usage(err error) error {
	var known *exitError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &exitError{code: exitUsage, err: err}
}

// environment marks an error as the surroundings': exit 3.
func environment(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitEnvironment, err: err}
}

// silent ends with a code after the command has said why.
func silent(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// exit prints the error, if there is one to print, and returns the exit code.
func (a *app) exit(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) && a.interrupt.Err() != nil {
		err = &exitError{code: exitInterrupted, err: errors.New("interrupted")}
	}
	code, hint := exitCode(exitOK, err), remedy(err)
	var e *exitError
	if errors.As(err, &e) && e.hint != "" {
		hint = e.hint
	}
	var listen *recv.ListenError
	if errors.As(err, &listen) {
		code = exitEnvironment
		if unknown := new(net.DNSError); !errors.As(err, &unknown) {
			hint = "--addr :0 picks a free port"
		}
	}
	var told []string
	for _, text := range texts(err) {
		if !slices.Contains(told, text) {
			a.hanging(a.errors, "relayctl: ", term.Clean(text))
			told = append(told, text)
		}
	}
	if hint != "" {
		a.hint("%s", hint)
	}
	return code
}

func (a *app) warn(format string, args ...any) {
	a.hanging(a.stderr, "warning: ", fmt.Sprintf(format, args...))
}

func (a *app) hint(format string, args ...any) {
	a.hanging(a.stderr, "hint: ", fmt.Sprintf(format, args...))
}

// waiting tells, once, that --wait-ready is at work.
func (a *app) waiting(most time.Duration) func(why error) {
	return func(why error) {
		a.hanging(a.stderr, "waiting: ", fmt.Sprintf("%s; trying for up to %s", term.Clean(why.Error()), duration.Text(most)))
	}
}

// hanging writes a text behind a head, wrapped to the terminal's width.
func (a *app) hanging(w io.Writer, head, text string) {
	a.style(w).Hanging(w, head, len(head), text)
}

// texts gives the texts of the errors that were joined into one, those left out
// that have nothing to print.
func texts(err error) []string {
	var joined interface {
		error
		Unwrap() []error
	}
	if e, ok := err.(*exitError); ok { //nolint:errorlint // what wraps it has words of its own
		if e.err == nil {
			return nil
		}
		return texts(e.err)
	}
	if !errors.As(err, &joined) || joined.Error() != errors.Join(joined.Unwrap()...).Error() {
		return []string{err.Error()}
	}
	head, atEnd := strings.CutSuffix(err.Error(), joined.Error())
	if !atEnd {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range joined.Unwrap() {
		for _, text := range texts(e) {
			out = append(out, head+text)
		}
	}
	return out
}

// exitCode is the code of an error, or of a run that ended without one.
func exitCode(code int, err error) int {
	var e *exitError
	switch {
	case err == nil:
		return code
	case errors.As(err, &e):
		return e.code
	}
	return exitUsage // what cobra itself refuses
}

// flagged words the errors of settings by their flags.
func flagged(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // what wraps it has words of its own
		all := make([]error, 0, 2)
		for _, e := range joined.Unwrap() {
			all = append(all, flagged(e))
		}
		return errors.Join(all...)
	}
	missing := new(auth.MissingError)
	switch {
	case errors.As(err, new(*plan.SettingError)), errors.As(err, new(*auth.SettingError)):
		return fmt.Errorf("--%w", err)
	case errors.As(err, &missing):
		flags := make([]string, len(missing.Settings))
		for i, s := range missing.Settings {
			flags[i] = "--" + s
		}
		return fmt.Errorf("--%w", &auth.MissingError{Kind: missing.Kind, Settings: flags})
	}
	return err
}

// remedy names the flag that does what an error asks for, "" where there is none.
func remedy(err error) string {
	table := new(plan.TableError)
	switch {
	case errors.Is(err, auth.ErrInClear):
		return "--insecure-http allows it"
	case errors.Is(err, sim.ErrCredentials):
		return "--auth basic sends a user name and a password"
	case errors.As(err, new(*sim.JournalUsed)):
		return "--resume continues it"
	case errors.As(err, new(*plan.PatternError)):
		return "--events takes patterns"
	case errors.As(err, &table):
		return "--csv " + report.ShellQuote(table.Path) + " makes a campaign of its rows"
	case errors.Is(err, plan.ErrMixedBatch):
		return "--batch N makes batches anew, within each part"
	}
	return ""
}
