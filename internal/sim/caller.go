package sim

import (
	"context"
	"time"

	"relayctl/internal/auth"
)

// Caller makes single calls to a sender's endpoint over a connection of its
// own, exactly as Run makes them, but without retries and with a say in every
// part of the request. It is not safe for concurrent use.
type Caller struct {
	sender *Sender
	client *httpClient
}

// Caller returns a caller that has not connected yet. Close it.
func (s *Sender) Caller() *Caller {
	return &Caller{sender: s, client: &httpClient{target: s.target}}
}

// Auth is the sender's scheme, to sign a Call with.
func (s *Sender) Auth() auth.Scheme { return s.cfg.Auth }

// Do makes one call and never fails: what went wrong is in the answer. It ends
// early when ctx is done. A Timeout of 0 is the sender's. Call.Signed is sent
// as it is: nothing is signed for the caller.
func (c *Caller) Do(ctx context.Context, k Call) Answer {
	if k.Timeout == 0 {
		k.Timeout = c.sender.cfg.Timeout
	}
	if ctx.Err() != nil {
		return Answer{Failure: Interrupted, Detail: errKilled.Error()}
	}
	stop := c.client.watch(ctx)
	answer := c.client.do(ctx, time.Now(), &k)
	if !stop() {
		// The end came during or just after the call: the connection is of no use.
		c.client.close()
		c.client = &httpClient{target: c.sender.target}
	}
	return answer
}

// Close closes the connection. The next call, if there is one, makes a new one.
func (c *Caller) Close() { c.client.close() }
