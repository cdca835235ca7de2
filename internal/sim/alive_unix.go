//go:build unix

package sim

import (
	"crypto/tls"
	"net"
	"syscall"
)

// alive looks, without reading anything, whether the other side has closed an
// idle connection: a call on it would look like an endpoint that hangs up.
func alive(conn net.Conn) bool {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	open := true
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// Nothing to read is the good case; bytes may be TLS session tickets.
		open = n > 0 || err != nil && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
		return true
	})
	return err == nil && open
}
