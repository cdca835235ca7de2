package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/session"
)

const (
	heartbeat = 15 * time.Second
	// newsEvery is the least time between two messages to a page that there is something
	// new. The page fetches it, so thousands of requests a second cost as much as one.
	// While more comes than a page of the list has, nobody can read along, and the time
	// doubles, up to floodEvery.
	newsEvery  = 250 * time.Millisecond
	floodEvery = 2 * time.Second
	// streamedAtOnce is how many requests are read for a stream at a time, and gather
	// how long they may wait for others: writing each by itself costs half the rate of
	// the receiver.
	streamedAtOnce = 500
	gather         = 50 * time.Millisecond
)

// stream is one reader of server-sent events. Nothing is queued for it: it keeps its
// place and reads from there, so one that stops reading holds nobody up, and is cut off
// when a write has taken too long.
type stream struct {
	rw      http.ResponseWriter
	flush   *http.ResponseController
	w       *Server
	after   uint64 // the last number that it has seen
	cleared uint64
	out     bytes.Buffer // what is not written yet
}

// stream begins an answer, from where the reader was (Last-Event-ID, or last in the
// query); one that has seen another run is told of the restart.
func (w *Server) stream(rw http.ResponseWriter, r *http.Request) *stream {
	rw.Header().Set("Content-Type", "text/event-stream")
	st := w.session.Stats()
	s := &stream{rw: rw, flush: http.NewResponseController(rw), w: w, after: st.Newest, cleared: st.Cleared}
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("last")
	}
	if last != "" {
		boot, text, _ := strings.Cut(last, ":")
		number, err := strconv.ParseUint(text, 10, 64)
		if s.after = number; boot != w.boot || err != nil || number > st.Newest {
			s.after = 0
			s.put("restart", "{}")
		}
	}
	return s
}

// put adds an event to what send writes.
func (s *stream) put(name, data string) {
	fmt.Fprintf(&s.out, "id: %s:%d\nevent: %s\ndata: %s\n\n", s.w.boot, s.after, name, data)
}

// send writes what was put; false means that the reader is gone.
func (s *stream) send() bool {
	// Where no deadline can be set, there is no connection to hold up.
	_ = s.flush.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := s.rw.Write(s.w.cfg.Mask.Bytes(s.out.Bytes()))
	s.out.Reset()
	return err == nil && s.flush.Flush() == nil
}

// pause lets time go by; false ends the stream.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// next waits for news, and keeps the connection alive meanwhile; false ends the stream.
func (s *stream) next(ctx context.Context) bool {
	for {
		waiting, cancel := context.WithTimeout(ctx, heartbeat)
		err := s.w.session.Wait(waiting, s.after, s.cleared)
		cancel()
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			return true
		}
		s.out.WriteString(": nothing new\n\n")
		if !s.send() {
			return false
		}
	}
}

// apiStream tells of every request that matches, in order.
func (w *Server) apiStream(rw http.ResponseWriter, r *http.Request) {
	q, ok := w.query(rw, r)
	if !ok {
		return
	}
	s := w.stream(rw, r)
	if q.After > 0 {
		s.after = min(q.After, w.session.Stats().Newest)
	}
	s.out.WriteString("retry: 1000\n\n")
	for ok := s.send(); ok && s.next(r.Context()); {
		before := s.after
		ok = s.putRequests(r.Context(), q) && s.send() && (s.after-before == streamedAtOnce || pause(r.Context(), gather))
	}
}

// putRequests puts what is new, oldest first; false ends the stream.
func (s *stream) putRequests(ctx context.Context, q session.Query) bool {
	st := s.w.session.Stats()
	if st.Cleared != s.cleared {
		s.cleared, s.after = st.Cleared, max(s.after, st.Oldest-1)
		s.put("cleared", "{}")
		return true
	}
	if st.Oldest > s.after+1 {
		missed := st.Oldest - s.after - 1
		s.after = st.Oldest - 1
		s.put("missed", fmt.Sprintf(`{"requests":%d}`, missed))
	}
	to := min(st.Newest, s.after+streamedAtOnce)
	q.After, q.Before, q.Limit = s.after, to+1, streamedAtOnce
	l, err := s.w.session.List(ctx, q)
	if err != nil {
		return false
	}
	for _, req := range slices.Backward(l.Requests) {
		data, err := json.Marshal(briefOf(req))
		if err != nil {
			return false
		}
		s.after = req.Number
		s.put("request", string(data))
	}
	s.after = to
	return true
}

// live tells a page that there is something new, and how the session is.
func (w *Server) live(rw http.ResponseWriter, r *http.Request) {
	s := w.stream(rw, r)
	for every := newsEvery; ; {
		st := w.session.Stats()
		cleared := st.Cleared != s.cleared
		if st.Newest > s.after+rowsAtOnce {
			every = min(2*every, floodEvery)
		} else {
			every = newsEvery
		}
		s.after, s.cleared = st.Newest, st.Cleared
		data, err := json.Marshal(struct {
			Newest  uint64 `json:"newest"`
			Cleared bool   `json:"cleared"`
			Status  string `json:"status"`
		}{st.Newest, cleared, w.fragment("status", st)})
		if err != nil {
			return
		}
		s.put("news", string(data))
		if !s.send() || !pause(r.Context(), every) || !s.next(r.Context()) {
			return
		}
	}
}
