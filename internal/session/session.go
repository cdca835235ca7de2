// Package session is what a person looks at and acts on while a receiver runs, or when
// a capture is read: the latest requests, filtered and searched; the attempts of an
// event; a customer's journey in true order; two requests compared; a request made
// again to the app; the rules in force.
//
// Begin with Session. New makes one of the requests that Add is given; Open makes one of a
// capture's files. List, Get, Journey, Attempts and Diff read it, Replay, SetRules,
// SetMode and Clear act, and Wait tells of news. The inspector, the keyboard view and
// the API for tests show this one model: what two of them need is here.
//
// The package knows nothing of servers, browsers and terminals. What it needs of a
// receiver are the functions of Config.
package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
)

// The bounds of what a live session keeps.
const (
	MostRequests = 10_000
	MostBytes    = 64 << 20
)

// Config says what a session works with. Each field may be left out.
type Config struct {
	MostRequests int   // kept at most, MostRequests
	MostBytes    int64 // of them, MostBytes

	// Rules are those of the receiver; RulesFile is where they come from, "" where
	// there is no file.
	Rules     *script.Rules
	RulesFile string
	// Apps are the URLs to which requests are passed on, as they may be shown.
	Apps []string
	// Replay makes a request again to the app; nil where there is no app.
	Replay func(ctx context.Context, method, target string, header http.Header, body []byte) (capture.App, error)
	// Resend says how a request of a capture, by its line, is sent again; nil says nothing.
	Resend func(number uint64) string
	// Curl is a request as a curl command, and the variables that it needs.
	Curl func(*capture.Record) (command string, variables []string)
	// Summary is the exact count of the receiver, or of the capture.
	Summary func() (judge.Summary, error)
	// Dropped is how many requests the receiver could not hand over in time.
	Dropped func() uint64
}

// Session is a model of requests. All methods are safe for concurrent use. Requests
// that it returns are shared: they must not be changed.
type Session struct {
	cfg Config

	mu      sync.Mutex
	ring    ring
	file    *file // nil unless it reads a capture
	cleared uint64
	news    chan struct{} // closed when there is something new; nil while nobody waits
	replays map[uint64][]Replayed
	health  Health
	mode    Mode
}

// New begins a live session. It is empty until Add is called.
func New(cfg Config) *Session {
	if cfg.MostRequests <= 0 {
		cfg.MostRequests = MostRequests
	}
	if cfg.MostBytes <= 0 {
		cfg.MostBytes = MostBytes
	}
	return &Session{cfg: cfg, ring: newRing(cfg.MostRequests, cfg.MostBytes), replays: map[uint64][]Replayed{}, mode: ModeRules}
}

// Add takes in a request. If there are too many, the oldest ones are given up. It never
// blocks on a reader.
func (s *Session) Add(x judge.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring.add(x, func(gone uint64) { delete(s.replays, gone) })
	s.health.note(s.ring.last())
	s.tellNews()
}

// tellNews wakes those who wait. The lock is held.
func (s *Session) tellNews() {
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// Wait returns nil when there is a request with a number above after, or when the requests
// were cleared since cleared (see Stats); it returns ctx's error when ctx ends first. A
// reader that passes the last number that it has seen misses no request that is still
// kept, and holds nobody up.
func (s *Session) Wait(ctx context.Context, after, cleared uint64) error {
	for {
		s.mu.Lock()
		if s.newest() > after || s.cleared != cleared {
			s.mu.Unlock()
			return nil
		}
		if s.news == nil {
			s.news = make(chan struct{})
		}
		news := s.news
		s.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Session) newest() uint64 {
	if s.file != nil {
		return s.file.newest()
	}
	return s.ring.newest()
}

// Stats are what a session has and what it lacks.
type Stats struct {
	Newest   uint64 // number of the newest request, 0 for none
	Oldest   uint64 // of the oldest one that is kept; Newest+1 where none is
	Kept     int    // requests
	Bytes    int64  // held by them; 0 for a capture, which stays in its file
	GivenUp  uint64 // requests given up to bound the memory, or cleared
	Dropped  uint64 // requests that the receiver could not hand over in time
	Cleared  uint64 // how often the requests were cleared, or their numbers changed
	Live     bool   // more requests may come
	Counting bool   // the lines of a capture are still counted: Kept are those so far, and numbers count from the end
	Apps     []string
	Health   Health // of the apps
	Mode     Mode
	CanRules bool // rules can be changed
}

// Stats counts.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	st := Stats{Cleared: s.cleared, Live: s.file == nil, Apps: s.cfg.Apps, Health: s.health, Mode: s.mode, CanRules: s.cfg.Rules != nil, Newest: s.newest()}
	if s.file != nil {
		lines, all := s.file.counts()
		st.Oldest, st.Kept, st.Counting = min(1, lines), int(lines), !all
	} else {
		st.Oldest, st.Kept, st.Bytes, st.GivenUp = s.ring.oldest(), s.ring.len(), s.ring.bytes, s.ring.givenUp
	}
	s.mu.Unlock()
	if s.cfg.Dropped != nil {
		st.Dropped = s.cfg.Dropped()
	}
	return st
}

// Summary returns the exact counts of the receiver, or of the capture, which is read for
// it at the first call. The error is that of reading the capture.
func (s *Session) Summary() (judge.Summary, error) {
	if s.cfg.Summary == nil {
		return judge.NewSummary(), nil
	}
	return s.cfg.Summary()
}

// ErrCapture says that the session shows a capture, in which nothing can be changed.
var ErrCapture = errors.New("a capture is read")

// Clear gives up all requests that are kept; the numbers of later ones go on. It returns
// ErrCapture for a capture.
func (s *Session) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		return fmt.Errorf("%w: its requests stay in the file, and cannot be cleared", ErrCapture)
	}
	s.ring.clear()
	clear(s.replays)
	s.cleared++
	s.tellNews()
	return nil
}

// Close stops counting the lines of a capture; of a live session it does nothing. Other
// methods may still be called, until the files of the capture are closed.
func (s *Session) Close() {
	if s.file != nil {
		s.file.close()
	}
}

// Health is whether the app answers.
type Health struct {
	Known    bool // it was asked at all
	Up       bool
	Since    time.Time // when it was first found so
	Last     time.Time // when it was asked last
	Status   int       // of the last answer, 0 for none
	Latency  time.Duration
	LastSaid string // why there was no answer
}

// note takes what a request tells of the app.
func (h *Health) note(r *Request) {
	rc := r.Receipts[0]
	if rc.By != judge.ByApp {
		return
	}
	app := capture.App{Status: rc.Status, Latency: rc.AppTook}
	if r.Record.App != nil {
		app = *r.Record.App
	}
	h.answered(rc.ReceivedAt, app)
}

func (h *Health) answered(at time.Time, app capture.App) {
	up := app.Status != 0
	if !h.Known || up != h.Up {
		h.Since = at
	}
	h.Known, h.Up, h.Last, h.Status, h.Latency, h.LastSaid = true, up, at, app.Status, app.Latency, app.Error
}
