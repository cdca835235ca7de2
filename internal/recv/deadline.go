package recv

import (
	"errors"
	"os"
	"sync"
	"time"
)

// deadline is the read or the write deadline of a connection. net/http sets and clears them
// six times for each request, and each time costs the runtime a change of a timer. This one
// sets the timer only if it would fire too late. If it fires too early, the read or write
// that it interrupts sets it again and goes on. The zero value is a deadline
// that never passes. It is safe for concurrent use.
type deadline struct {
	mu    sync.Mutex
	want  time.Time // what was asked for, zero for none
	timer time.Time // what the connection has, never after want
}

// move sets the deadline. Apply is the connection's own method.
func (d *deadline) move(t time.Time, apply func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if d.timer.Equal(t) || !d.timer.IsZero() && (t.IsZero() || d.timer.Before(t)) {
		return nil
	}
	return d.apply(apply)
}

func (d *deadline) apply(apply func(time.Time) error) error {
	err := apply(d.want)
	if err == nil {
		d.timer = d.want
	}
	return err
}

// early says whether an error is that of a timer which fired before the deadline, and
// sets the timer again.
func (d *deadline) early(err error, apply func(time.Time) error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return (d.want.IsZero() || time.Now().Before(d.want)) && d.apply(apply) == nil
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.heard.Store(c.of.clock.Add(1))
		}
		if err == nil || n > 0 || !c.reads.early(err, c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (n int, err error) {
	for {
		var m int
		m, err = c.Conn.Write(p[n:])
		n += m
		if err == nil || !c.writes.early(err, c.Conn.SetWriteDeadline) {
			return n, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.reads.move(t, c.Conn.SetReadDeadline) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.writes.move(t, c.Conn.SetWriteDeadline) }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
