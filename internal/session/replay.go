package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// Edit is what a replay changes of a request. The zero value changes nothing.
type Edit struct {
	// Set gives properties of every event other values: by path, such as
	// payload.message_name.
	Set     map[string]any
	FreshID bool    // every event gets another event_id
	Body    *string // another body, before Set and FreshID; nil for the request's own
}

// Replayed is a replay that was made, and what the app answered.
type Replayed struct {
	At     time.Time
	Edited bool
	Body   []byte // what was sent
	App    capture.App
}

// Errors of Replay.
var (
	ErrNoApp  = errors.New("there is no app to pass the request on to: listen was started without --forward")
	ErrNoBody = errors.New("the request was recorded without its body, so it cannot be made again")
)

// notReplayed says that a capture has no app, and how its request is sent again.
func (s *Session) notReplayed(ctx context.Context, number uint64) error {
	if err := s.file.wait(ctx); err != nil {
		return err
	}
	how := ""
	if s.cfg.Resend != nil {
		how = "; " + s.cfg.Resend(s.file.number(number))
	}
	return fmt.Errorf("%w: there is no app to replay to%s", ErrCapture, how)
}

// mostReplays is how many replays of a request are remembered.
const mostReplays = 20

// Replay sends a request again to the app that takes its event; it can go nowhere else. If
// the app gives no answer, App.Error says why, and the error is nil. An error means that
// nothing was sent: ErrGone, ErrCapture, ErrNoApp, ErrNoBody, or what is wrong with the
// edit.
func (s *Session) Replay(ctx context.Context, number uint64, e Edit) (Replayed, error) {
	r, err := s.Get(ctx, number)
	switch {
	case err != nil:
		return Replayed{}, err
	case s.file != nil:
		return Replayed{}, s.notReplayed(ctx, number)
	case s.cfg.Replay == nil:
		return Replayed{}, ErrNoApp
	case r.Record.Omitted && e.Body == nil:
		return Replayed{}, ErrNoBody
	}
	body, err := e.apply(r.Record.Body)
	if err != nil {
		return Replayed{}, err
	}
	done := Replayed{At: time.Now(), Edited: string(body) != string(r.Record.Body), Body: body}
	target, header := r.again()
	if done.App, err = s.cfg.Replay(ctx, r.Record.Method, target, header, body); err != nil {
		return Replayed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.answered(done.At, done.App)
	if s.ring.get(number) != nil {
		list := append(s.replays[number], done)
		s.replays[number] = list[max(0, len(list)-mostReplays):]
	}
	return done, nil
}

// Replayable returns nil if the session can replay requests. Otherwise it is ErrCapture or
// ErrNoApp; Replay then says what to do instead.
func (s *Session) Replayable() error {
	switch {
	case s.file != nil:
		return ErrCapture
	case s.cfg.Replay == nil:
		return ErrNoApp
	}
	return nil
}

// Replays are those of a request, the first one first.
func (s *Session) Replays(number uint64) []Replayed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.replays[number])
}

// again is the target and the header with which a request is made again. Of a capture
// the secrets are not known, and are left out.
func (r *Request) again() (target string, header http.Header) {
	if r.Header != nil {
		return r.Target, r.Header
	}
	header = http.Header{}
	for _, h := range r.Record.Headers {
		if h.Value != capture.Redacted {
			header.Set(h.Name, h.Value)
		}
	}
	return r.Record.Path, header
}

// apply makes the body that is sent.
func (e *Edit) apply(body []byte) ([]byte, error) {
	if e.Body != nil {
		body = []byte(*e.Body)
	}
	var sets []event.Override
	for _, path := range slices.Sorted(maps.Keys(e.Set)) {
		o, err := event.NewSet(path, e.Set[path])
		if err != nil {
			return nil, err
		}
		sets = append(sets, o)
	}
	if len(sets) == 0 && !e.FreshID {
		return body, nil
	}
	_, members, findings := event.Split(body)
	if len(members) == 0 {
		if len(findings) > 0 {
			return nil, fmt.Errorf("the body cannot be edited: %s", findings[0].Message)
		}
		return body, nil
	}
	var out []byte
	at := 0
	for _, m := range members {
		changed, err := e.event(m, sets)
		if err != nil {
			return nil, err
		}
		begin := at + placeOf(m, body[at:])
		out = append(append(out, body[at:begin]...), changed...)
		at = begin + len(m)
	}
	return append(out, body[at:]...), nil
}

// placeOf is where a part of a text, which shares its memory, begins.
func placeOf(part, text []byte) int {
	for at := 0; len(part) > 0; at++ {
		i := bytes.Index(text[at:], part)
		if i < 0 {
			return len(text)
		}
		if at += i; &text[at] == &part[0] {
			return at
		}
	}
	return 0
}

// event changes one event.
func (e *Edit) event(member []byte, sets []event.Override) ([]byte, error) {
	if e.FreshID {
		fresh, err := event.NewSet("event_id", freshID())
		if err != nil {
			return nil, err
		}
		sets = slices.Concat([]event.Override{fresh}, sets)
	}
	return event.Apply(member, sets)
}

// freshID is a random UUID (R-ID).
func freshID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
