package sim

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"
)

// WaitReady waits until the URL's host accepts connections, for d at most.
func WaitReady(ctx context.Context, rawURL string, d time.Duration) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return err
	}
	addr := newTarget(u, nil, nil, nil).addr
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var why error
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		if why == nil || ctx.Err() == nil {
			why = err // that the time was up says nothing of the endpoint
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not accept connections: %s", addr, explain(why))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
