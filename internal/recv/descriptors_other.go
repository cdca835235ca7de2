//go:build !unix

package recv

// descriptors is how many connections may be open: other systems have no low limit.
func descriptors() int { return 2 * maxConns }
