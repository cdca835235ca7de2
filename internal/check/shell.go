package check

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// runShell runs a command line with sh and returns what it prints, at most so
// many bytes, and the last line of its complaints. Output goes through files:
// a server that the command leaves behind may keep them open without holding
// anyone up, and it is not killed.
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
	b, err := io.ReadAll(io.NewSectionReader(f, 0, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("it prints more than %d KiB", most>>10)
	}
	return bytes.TrimSpace(b), err
}

func discard(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name()) // a temporary file that stays hurts nobody
}
