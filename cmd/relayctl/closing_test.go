package main

import (
	"errors"
	"testing"
)

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// A capture that could not be written to its end weighs more than the verdict of a run,
// and less than what ended the run before.
func TestFailedCloseDecidesTheExitCode(t *testing.T) {
	broken := errors.New("sync events.jsonl: input/output error")
	for _, c := range []struct {
		name       string
		run, close error
		code       int
	}{
		{"all well", nil, nil, exitOK},
		{"a verdict", silent(exitFellShort), nil, exitFellShort},
		{"a disk that fails", nil, broken, exitEnvironment},
		{"a disk that fails, and a verdict", silent(exitFellShort), broken, exitEnvironment},
		{"a usage error before", usage(errors.New("x")), broken, exitUsage},
	} {
		err := closing(closerFunc(func() error { return c.close }), c.run)
		if got := exitCode(exitOK, err); got != c.code {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.code)
		}
		if c.code == exitEnvironment && !errors.Is(err, broken) {
			t.Errorf("%s: %v does not tell why", c.name, err)
		}
	}
}
