package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A capture stays as it is, and says so in its own words.
func TestCaptureIsNotChanged(t *testing.T) {
	x := exchange("{}", 200)
	s := opened(t, x.Record.Append(nil))
	_, replay := s.Replay(t.Context(), 1, Edit{})
	_, rules := s.SetRules(Change{})
	for what, err := range map[string]error{"clear": s.Clear(), "replay": replay, "rules": rules, "mode": s.SetMode(ModeOK)} {
		if !errors.Is(err, ErrCapture) || strings.Contains(err.Error(), "listen") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if s.Stats().Kept != 1 {
		t.Error("the capture lost its request")
	}
}

// A capture of many blocks, with lines that are not records and a torn end, is read from
// any place.
func TestLargeCapture(t *testing.T) {
	const n = 5000
	var lines []byte
	for i := 1; i <= n; i++ {
		if i%1000 == 0 {
			lines = append(lines, "torn by a power cut\n"...)
			continue
		}
		lines = record(envelope(fmt.Sprint(i), "message.delivered", fmt.Sprint(i%7), i%60), 200).Append(lines)
	}
	half := bytes.LastIndexByte(lines[:len(lines)/2], '\n') + 1
	parts := []File{{bytes.NewReader(lines[:half]), int64(half)}, {bytes.NewReader(lines[half : len(lines)-1]), int64(len(lines) - half - 1)}}
	s, err := Open(t.Context(), Config{}, parts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if st := s.Stats(); st.Newest != n || st.Counting || len(s.file.blocks) < 5 {
		t.Errorf("%+v in %d blocks", st, len(s.file.blocks))
	}
	for number := uint64(1); number <= n; number += 13 {
		r, err := s.Get(t.Context(), number)
		if number%1000 == 0 {
			if !errors.Is(err, ErrGone) {
				t.Errorf("%d: %v", number, err)
			}
		} else if err != nil || r.First().Event.ID != fmt.Sprint(number) {
			t.Errorf("%d: %+v %v", number, r, err)
		}
	}
	seen, next := 0, uint64(n+1)
	for {
		l := list(t, s, fmt.Sprintf("limit=1000&before=%d", next))
		seen += len(l.Requests)
		if next = l.Next; next == 0 {
			break
		}
	}
	if seen != n-n/1000 {
		t.Errorf("%d requests by pages", seen)
	}
	for seen, next = 0, 0; ; {
		l, err := s.List(t.Context(), Query{Oldest: true, After: next, Limit: 700})
		if err != nil || seen == 0 && l.Requests[len(l.Requests)-1].Number != 1 {
			t.Fatal(err)
		}
		seen += len(l.Requests)
		if next = l.Next; next == 0 {
			break
		}
	}
	if seen != n-n/1000 {
		t.Errorf("%d requests by pages, upwards", seen)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.List(ended, Query{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// held is a capture whose beginning cannot be read yet.
type held struct {
	*bytes.Reader
	from int64
	free chan struct{}
}

// ReadAt implements io.ReaderAt.
func (h held) ReadAt(p []byte, at int64) (int, error) {
	if at < h.from {
		<-h.free
	}
	return h.Reader.ReadAt(p, at)
}

// The newest requests of a capture are there before its lines are counted, and the
// numbers that they have until then stay good.
func TestCaptureIsShownBeforeItIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []byte
		n := uint64(0)
		for ; len(lines) < 64*blockSize; n++ {
			lines = record(envelope(fmt.Sprint(n+1), "message.delivered", "1", 1), 200).Append(lines)
		}
		free := make(chan struct{})
		size := int64(len(lines))
		s, err := Open(t.Context(), Config{}, []File{{held{bytes.NewReader(lines), size - 40*blockSize, free}, size}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		l := list(t, s, "limit=10")
		newest, tenth := l.Requests[0], l.Requests[9].Number
		if newest.First().Event.ID != fmt.Sprint(n) || s.Place(newest.Number) != "#-1" || s.Place(tenth) != "#-10" {
			t.Errorf("%s is %s", newest.First().Event.ID, s.Place(newest.Number))
		}
		st := s.Stats()
		if !st.Counting || st.Kept == 0 || uint64(st.Kept) >= n {
			t.Errorf("%+v", st)
		}
		if r, err := s.Get(t.Context(), tenth); err != nil || r.First().Event.ID != fmt.Sprint(n-9) {
			t.Errorf("%+v %v", r, err)
		}
		waiting, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Get(waiting, 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("line 5 was read uncounted: %v", err)
		}
		first := make(chan string)
		go func() { // it waits for the count
			l, _ := s.List(t.Context(), Query{Oldest: true, Limit: 1})
			first <- l.Requests[0].First().Event.ID
		}()
		synctest.Wait()
		close(free)
		if err := s.Wait(t.Context(), uncounted, st.Cleared); err != nil {
			t.Fatal(err)
		}
		if id := <-first; id != "1" {
			t.Errorf("the first one is %s", id)
		}
		if got := s.Stats(); got.Counting || got.Newest != n || s.Place(tenth) != fmt.Sprintf("#%d", n-9) {
			t.Errorf("%+v, %s", got, s.Place(tenth))
		}
		for _, number := range []uint64{tenth, n - 9} {
			if r, err := s.Get(t.Context(), number); err != nil || r.Number != number || r.First().Event.ID != fmt.Sprint(n-9) {
				t.Errorf("%d: %+v %v", number, r, err)
			}
		}
		older := list(t, s, fmt.Sprintf("limit=3&before=%d", l.Next))
		if id := older.Requests[0].First().Event.ID; id != fmt.Sprint(n-10) {
			t.Errorf("before %s is %s", s.Place(l.Next), id)
		}
		if l := list(t, s, fmt.Sprintf("after=%d", tenth)); len(l.Requests) != 9 {
			t.Errorf("%d requests after the tenth", len(l.Requests))
		}
		if l := list(t, s, fmt.Sprintf("after=%d&before=%d", n-9, newest.Number)); len(l.Requests) != 8 {
			t.Errorf("%d requests between", len(l.Requests))
		}
	})
}

// A count that is not wanted any more ends, and what waits for it.
func TestCountEnds(t *testing.T) {
	lines := record(envelope("1", "message.delivered", "1", 1), 200).Append(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Config{}, []File{{bytes.NewReader(lines), int64(len(lines))}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Open(t.Context(), Config{}, []File{{bytes.NewReader(lines), int64(len(lines)) + 1}}); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
