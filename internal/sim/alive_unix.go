//go:build unix

package sim

import (
	"crypto/tls"
	"net"
	"syscall"
)

// alive looks, without reading anything, whether an idle connection can carry
// another call. Bytes that nobody asked for are the other side's farewell: a
// TLS close_notify, or an answer to a request that it got tired of waiting for.
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
	quiet := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
	})
	return err == nil && quiet
}
