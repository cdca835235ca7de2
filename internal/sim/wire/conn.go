package wire

import (
	"context"
	"time"
)

// Conn makes single calls to a target over a connection of its own, exactly
// as a run of deliveries makes them, but without retries and with a say in
// every part of the request. It is not safe for concurrent use.
type Conn struct {
	target  *Target
	timeout time.Duration
	client  *Client
}

// NewConn returns one that has not connected yet; timeout is that of
// calls that name none. Close it.
func NewConn(t *Target, timeout time.Duration) *Conn {
	return &Conn{target: t, timeout: timeout, client: NewClient(t)}
}

// Do makes one call and never fails: what went wrong is in the Result. It ends
// early when ctx is done. Call.Signed is sent as it is: nothing is signed for
// the caller.
func (c *Conn) Do(ctx context.Context, k Call) Result {
	if k.Timeout == 0 {
		k.Timeout = c.timeout
	}
	if ctx.Err() != nil {
		return Result{Failure: Interrupted, Detail: ErrEnded.Error()}
	}
	stop := c.client.EndWith(ctx)
	answer := c.client.Do(ctx, time.Now(), &k)
	if !stop() {
		// The end came during or just after the call: the connection is of no use.
		c.client.Close()
		c.client = NewClient(c.target)
	}
	return answer
}

// Close closes the connection. The next call, if there is one, makes a new one.
func (c *Conn) Close() { c.client.Close() }
