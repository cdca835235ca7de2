//go:build unix

package check

import (
	"os/exec"
	"syscall"
)

// ownGroup gives the command a process group of its own, which is ended as a
// whole when the command's time is over: what the shell has started must not
// stay behind.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
