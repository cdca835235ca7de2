package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"relayctl/internal/report/term"
)

// Errors that came together are told one a line, and each once.
func TestErrorsAreToldOnce(t *testing.T) {
	full := errors.New("write j: no space left on device")
	for want, err := range map[string]error{
		"relayctl: write j: no space left on device\n": errors.Join(environment(full), environment(full)),
		"relayctl: a\nrelayctl: b\n":                   usage(errors.Join(errors.New("a"), errors.Join(errors.New("b"), errors.New("a")))),
		"relayctl: b\n":                                errors.Join(silent(exitFellShort), errors.New("b")),
		"relayctl: in: a\nrelayctl: in: b\n":           fmt.Errorf("in: %w", errors.Join(errors.New("a"), errors.New("b"))),
		"relayctl: --har: disk\n":                      environment(fmt.Errorf("--har: %w", errors.Join(errors.New("disk"), errors.New("disk")))),
		"relayctl: a\\nb, and c\n":                     fmt.Errorf("%w, and c", errors.Join(errors.New("a"), errors.New("b"))),
		"":                                             silent(exitFellShort),
	} {
		out := &bytes.Buffer{}
		screen := term.NewScreen(out)
		a := &app{errors: screen, stderr: screen, interrupt: context.Background()}
		a.exit(err)
		if out.String() != want {
			t.Errorf("got %q, want %q", out, want)
		}
	}
}
