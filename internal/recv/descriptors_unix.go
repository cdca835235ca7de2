//go:build unix

package recv

import "syscall"

const (
	// ownDescriptors are left for the files of the process, its capture and what it
	// opens again.
	ownDescriptors = 24
	// fewestConns are taken however few descriptors there are.
	fewestConns = 4
)

// descriptors is how many file descriptors callers may take: with more, the capture
// could not begin its next file. Go has raised the limit as far as it may.
func descriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return maxConns
	}
	most := min(uint64(limit.Cur), 4*maxConns) // the type differs by system
	return max(int(most)-ownDescriptors, fewestConns)
}
