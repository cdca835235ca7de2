//go:build !unix

package wire

import "net"

// peek cannot tell here; a connection that has ended shows at the next write.
func peek(net.Conn) (something bool, err error) { return false, nil }
