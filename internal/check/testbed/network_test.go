package testbed

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

// A connection in memory keeps the promises of net.Conn: order, deadlines, and what
// happens to reads and writes when it ends.
func TestConnectionsInMemory(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		var network Network
		l := network.listen()
		accepted := make(chan net.Conn)
		go func() {
			c, _ := l.Accept() // it is not closed before
			accepted <- c
		}()
		c1, err = network.Dial(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			return nil, nil, nil, err
		}
		c2 = <-accepted
		return c1, c2, func() { c1.Close(); c2.Close(); l.Close() }, nil
	})
}
