// Package quiet keeps the terminal from being asked for its background before main
// begins. Begin at Restore.
//
// The library of the keyboard view asks in its package initialisation, whatever the
// command is: a terminal that does not answer holds every command up for five seconds,
// and what was typed ahead is lost. It does not ask where CI is set. Go initialises the
// packages that are ready in the order of their import paths; this one needs nothing but
// syscall, so that it comes before time, on which package os and everything else
// depends. It must import nothing more.
package quiet

import "syscall"

// set says that CI was set here.
var set = mute()

func mute() bool {
	if _, ok := syscall.Getenv("CI"); ok {
		return false
	}
	return syscall.Setenv("CI", "1") == nil
}

// Restore gives the environment back as it was. The program calls it first of all.
func Restore() {
	if set {
		_ = syscall.Unsetenv("CI") // what could be set can be unset
	}
}
