package recv

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeadlines moves the deadlines of a connection as net/http does, and looks when
// what waits is broken off.
func TestDeadlines(t *testing.T) {
	for _, test := range []struct {
		name  string
		moves func(time.Time, func(time.Time)) // from the beginning
		after time.Duration                    // when it ends, 0 for never
	}{
		{"one", func(t time.Time, set func(time.Time)) { set(t.Add(time.Minute)) }, time.Minute},
		{"later", func(t time.Time, set func(time.Time)) { set(t.Add(time.Second)); set(t.Add(time.Minute)) }, time.Minute},
		{"sooner", func(t time.Time, set func(time.Time)) { set(t.Add(time.Minute)); set(t.Add(time.Second)) }, time.Second},
		{"later, then sooner", func(t time.Time, set func(time.Time)) {
			set(t.Add(time.Second))
			set(t.Add(time.Hour))
			set(t.Add(time.Minute))
		}, time.Minute},
		{"cleared", func(t time.Time, set func(time.Time)) { set(t.Add(time.Second)); set(time.Time{}) }, 0},
		{"cleared and set", func(t time.Time, set func(time.Time)) {
			set(t.Add(time.Second))
			set(time.Time{})
			set(t.Add(time.Minute))
		}, time.Minute},
		{"broken off before", func(t time.Time, set func(time.Time)) { set(time.Unix(1, 0)); set(t.Add(time.Minute)) }, time.Minute},
		{"moved while it waits", func(t time.Time, set func(time.Time)) {
			set(t.Add(time.Minute))
			time.AfterFunc(time.Second, func() { set(time.Unix(1, 0)) })
		}, time.Second},
		{"cleared while it waits", func(t time.Time, set func(time.Time)) {
			set(t.Add(time.Minute))
			time.AfterFunc(time.Second, func() { set(time.Time{}) })
		}, 0},
	} {
		for side, of := range map[string]func(*conn) (func(time.Time) error, func([]byte) (int, error)){
			"read":  func(c *conn) (func(time.Time) error, func([]byte) (int, error)) { return c.SetReadDeadline, c.Read },
			"write": func(c *conn) (func(time.Time) error, func([]byte) (int, error)) { return c.SetWriteDeadline, c.Write },
		} {
			t.Run(side+"/"+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					here, there := net.Pipe()
					c := &conn{Conn: here, of: &listener{}}
					set, wait := of(c)
					begin := time.Now()
					test.moves(begin, func(at time.Time) {
						if err := set(at); err != nil {
							t.Error(err)
						}
					})
					const end = 24 * time.Hour
					time.AfterFunc(end, func() { there.Close() })
					_, err := wait(make([]byte, 1))
					took, want := time.Since(begin), test.after
					if want == 0 {
						want = end
					}
					if late := errors.Is(err, os.ErrDeadlineExceeded); took != want || late != (test.after > 0) {
						t.Errorf("it ended after %v with %v, want after %v, by the deadline %v", took, err, want, test.after > 0)
					}
					c.Conn.Close()
				})
			})
		}
	}
}

// TestWriteGoesOn has the timer fire in the middle of a write whose deadline was moved.
func TestWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		c := &conn{Conn: here, of: &listener{}}
		c.SetWriteDeadline(time.Now().Add(time.Second))
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		got := make([]byte, 0, 8)
		done := make(chan error, 1)
		go func() {
			for range 4 { // two bytes before the timer fires, and the others after
				part := make([]byte, 1)
				if _, err := there.Read(part); err != nil {
					done <- err
					return
				}
				got = append(got, part...)
				time.Sleep(400 * time.Millisecond)
			}
			done <- nil
		}()
		n, err := c.Write([]byte("abcd"))
		if readErr := <-done; n != 4 || err != nil || readErr != nil || string(got) != "abcd" {
			t.Errorf("wrote %d with %v, read %q with %v", n, err, got, readErr)
		}
		here.Close()
		there.Close()
	})
}
