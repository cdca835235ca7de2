package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"relayctl/internal/report"
)

// The exit codes that scripts hold on to.
const (
	exitOK          = 0
	exitShort       = 1   // the endpoint or the data fell short
	exitUsage       = 2   // usage or configuration error, and nothing was sent
	exitEnvironment = 3   // cannot listen, cannot write, endpoint not reachable
	exitInterrupted = 130 // ended by a signal, after everything was closed
)

// exitError is an error that knows its exit code. An empty text is a verdict
// that the command has shown already.
type exitError struct {
	code int
	err  error  // nil when there is nothing left to say
	hint string // a line after the error that helps
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usagef is an error in how relayctl was called or configured.
func usagef(format string, args ...any) *exitError {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// environmentf is a failure of what surrounds relayctl.
func environmentf(format string, args ...any) *exitError {
	return &exitError{code: exitEnvironment, err: fmt.Errorf(format, args...)}
}

// shortf says that the data fell short.
func shortf(format string, args ...any) *exitError {
	return &exitError{code: exitShort, err: fmt.Errorf(format, args...)}
}

// withHint adds a line that helps.
func (e *exitError) withHint(format string, args ...any) *exitError {
	e.hint = fmt.Sprintf(format, args...)
	return e
}

// verdict turns an exit code that was computed from data into an error, nil
// for success.
func verdict(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// conclude prints what is left to say about err and decides the exit code. It
// is the only place that does.
func (a *app) conclude(err error) int {
	if err == nil {
		return exitOK
	}
	var e *exitError
	if !errors.As(err, &e) {
		if errors.Is(err, context.Canceled) {
			return exitInterrupted
		}
		e = &exitError{code: exitEnvironment, err: err}
	}
	if e.err != nil {
		a.complain("error", err.Error())
		if e.hint != "" {
			a.complain("hint", e.hint)
		}
	}
	return e.code
}

// complain prints one diagnostic to stderr. What came from outside reaches
// the terminal with its control characters made visible; an error of several
// lines keeps them, indented.
func (a *app) complain(label, text string) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = report.Visible(line)
	}
	fmt.Fprintf(a.err, "relayctl: %s: %s\n", label, strings.Join(lines, "\n  "))
}

// warn prints a warning to stderr.
func (a *app) warn(text string) { a.complain("warning", text) }
