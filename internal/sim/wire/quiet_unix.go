//go:build unix

package wire

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// peek says, without reading anything and without waiting, whether a connection has
// brought something; the error is io.EOF or another end of it.
func peek(conn net.Conn) (something bool, err error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false, nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false, err
	}
	n, got := 0, error(nil)
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, got = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case err != nil:
		return false, err
	case errors.Is(got, syscall.EAGAIN), errors.Is(got, syscall.EINTR):
		return false, nil
	case got == nil && n == 0:
		return false, io.EOF
	}
	return n > 0, got
}
