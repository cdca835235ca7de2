package main

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"relayctl/internal/recv"
	"relayctl/internal/report"
)

// A free port helps where the port is taken, not where the host is unknown.
func TestHintOfAFreePort(t *testing.T) {
	for cause, want := range map[error]bool{
		&net.OpError{Op: "listen", Err: syscall.EADDRINUSE}:                                 true,
		&net.OpError{Op: "listen", Err: &net.DNSError{Err: "no such host", Name: "x.test"}}: false,
	} {
		var out strings.Builder
		a := &app{stdout: io.Discard, stderr: report.NewScreen(&out)}
		code := a.exit(&recv.ListenError{Addr: "x.test:0", Err: cause})
		if got := strings.Contains(out.String(), ":0 picks a free port"); code != exitEnvironment || got != want {
			t.Errorf("%v: exit %d, hint %v, want %v", cause, code, got, want)
		}
	}
}
