package main

import (
	"errors"
	"fmt"
	"net"

	"relayctl/internal/recv"
	"relayctl/internal/report"
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
	code, hint := exitCode(exitOK, err), ""
	var e *exitError
	if errors.As(err, &e) {
		hint = e.hint
	}
	var listen *recv.ListenError
	if errors.As(err, &listen) {
		code = exitEnvironment
		if unknown := new(net.DNSError); !errors.As(err, &unknown) {
			hint = "--addr :0 picks a free port"
		}
	}
	if e == nil || e.err != nil {
		fmt.Fprintf(a.stderr, "relayctl: %s\n", report.Clean(err.Error()))
	}
	if hint != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", hint)
	}
	return code
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
