package check

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"relayctl/internal/input"
)

// runShell runs a command line with sh and returns what it prints, at most so
// many bytes, and the last line of its complaints. Output goes through files:
// a server that the command leaves behind may keep them open without holding
// anyone up, and it is not killed. A command that is cut off ends with all that
// it has started.
func runShell(ctx context.Context, line string, most int64) (out []byte, complaint string, err error) {
	stdout, err := os.CreateTemp("", "relayctl-*")
	if err != nil {
		return nil, "", err
	}
	defer discard(stdout)
	stderr, err := os.CreateTemp("", "relayctl-*")
	if err != nil {
		return nil, "", err
	}
	defer discard(stderr)
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	err = cmd.Run()
	out, rerr := readBack(stdout, most)
	if err == nil {
		err = rerr
	}
	said, _ := readBack(stderr, 4<<10) // a complaint that cannot be read is none
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return out, strings.TrimSpace(lines[len(lines)-1]), err
}

func readBack(f *os.File, most int64) ([]byte, error) {
	b, more, err := input.AtMost(io.NewSectionReader(f, 0, most+1), most)
	if err == nil && more {
		err = fmt.Errorf("it prints more than %d KiB", most>>10)
	}
	return bytes.TrimSpace(b), err
}

func discard(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name()) // a temporary file that stays hurts nobody
}

// Shell runs a command line and returns the last line of its complaints. The error says
// why it could not be run, or is its *exec.ExitError. It ends early when ctx is done.
type Shell func(ctx context.Context, line string) (complaint string, err error)

// sh is the Shell that runs it with sh.
func sh(ctx context.Context, line string) (complaint string, err error) {
	_, complaint, err = runShell(ctx, line, 1<<20)
	return complaint, err
}

// userCommand runs a command of the user's and says what went wrong.
func (r *run) userCommand(ctx context.Context, what, line string) string {
	ctx, cancel := context.WithTimeout(ctx, r.Waits.Command)
	defer cancel()
	complaint, err := r.Shell(ctx, line)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Sprintf("%s does not end within %s", what, r.Waits.Command)
	case errors.As(err, &exit):
		return fmt.Sprintf("%s ends with exit code %d: %s", what, exit.ExitCode(), cmp.Or(complaint, "it says nothing"))
	case err != nil:
		return fmt.Sprintf("%s cannot be run: %s", what, err)
	}
	return ""
}
