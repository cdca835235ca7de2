package recv

import (
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// smallBody is the size, in bytes, up to which a body is read at once and its buffer
	// is used again.
	smallBody = 64 << 10
	// bodyBudget bounds the memory of all larger bodies that are under way.
	bodyBudget = 128 << 20
	// drainLimit is how much of a body that is too large is still read: a caller that
	// sends everything before it reads would not see the answer otherwise.
	drainLimit = 4 << 20
	drainTime  = 2 * time.Second
)

var (
	errTooLarge = errors.New("the body is larger than the limit")
	errPartial  = errors.New("the body did not arrive whole")
)

// bodies reads request bodies within a common budget of memory. Safe for
// concurrent use.
type bodies struct {
	limit  int64 // of one body
	total  int64
	budget *semaphore.Weighted
}

func newBodies(limit int64) *bodies {
	total := max(limit, bodyBudget)
	return &bodies{limit: limit, total: total, budget: semaphore.NewWeighted(total)}
}

// body is the reading of one body.
type body struct {
	*bodies
	req  *http.Request
	buf  []byte
	held int64 // of the budget, until release
}

// read reads the body whole into b.buf, which must be empty. Memory grows with
// what has arrived, not with what was announced. The error is errTooLarge,
// errPartial or the request's context's.
func (b *body) read() error {
	want := b.req.ContentLength
	if want > b.limit {
		return errTooLarge
	}
	for int64(len(b.buf)) != want {
		if len(b.buf) == cap(b.buf) {
			if err := b.grow(); err != nil {
				return err
			}
		}
		room := b.buf[len(b.buf):cap(b.buf)]
		// One byte beyond the limit tells that there is more.
		if left := b.limit + 1 - int64(len(b.buf)); int64(len(room)) > left {
			room = room[:left]
		}
		n, err := b.req.Body.Read(room)
		b.buf = b.buf[:len(b.buf)+n]
		switch {
		case int64(len(b.buf)) > b.limit:
			return errTooLarge
		case err == io.EOF && want <= int64(len(b.buf)):
			return nil
		case err != nil:
			return errPartial
		}
	}
	return nil
}

// grow doubles the buffer, but to no more than is wanted. Beyond a small body
// it first waits for its share of the budget.
func (b *body) grow() error {
	size := max(2*cap(b.buf), 4<<10)
	if want := b.req.ContentLength; want >= 0 && int64(size) > want {
		size = int(want)
	}
	if size > smallBody && b.held == 0 {
		final := b.req.ContentLength
		if final < 0 {
			final = b.limit
		}
		weight := min(b.total, 2*final) // both buffers stand while one is copied
		if err := b.budget.Acquire(b.req.Context(), weight); err != nil {
			return err
		}
		b.held = weight
	}
	bigger := make([]byte, len(b.buf), size)
	copy(bigger, b.buf)
	b.buf = bigger
	return nil
}

// release gives the share of the budget back; the body must not be used after.
func (b *body) release() {
	if b.held > 0 {
		b.budget.Release(b.held)
		b.held = 0
	}
}

// drain reads on for a little while. A caller that asked first
// (Expect: 100-continue) waits for the answer and is not made to send.
func drain(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("Expect") != "" {
		return
	}
	// Where no deadline can be set, the server's own applies.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.CopyN(io.Discard, req.Body, drainLimit)
}
