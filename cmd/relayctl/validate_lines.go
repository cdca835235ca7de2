package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// mostText bounds what may be one event, so that a file that is something else
// does not end up in memory.
const mostText = 64 << 20

// stretches cuts a file of events into stretches of lines that each hold one
// event, as a rule: a line of JSON Lines, or an envelope laid out over several.
// A stretch begins with a line that begins with a brace; so what follows a
// broken line is not lost with it.
type stretches struct {
	r    *bufio.Reader
	text []byte // the stretch; valid until the next call
	next []byte // a line of the one after it
	line int    // on which the stretch begins, from 1
	read int    // lines
	err  error
}

// scan reads the next stretch and says whether there is one.
func (s *stretches) scan() bool {
	s.text, s.next = append(s.text[:0], s.next...), s.next[:0]
	s.line = max(s.read, 1)
	for s.err == nil {
		line, err := s.r.ReadSlice('\n')
		whole := !errors.Is(err, bufio.ErrBufferFull)
		begins := len(s.text) > 0 && s.text[len(s.text)-1] == '\n'
		if len(line) > 0 && (len(s.text) == 0 || begins) {
			s.read++
		}
		if len(line) > 0 && line[0] == '{' && begins && s.ends(line) {
			s.next = append(s.next, line...)
			if !whole {
				s.finishLine()
			}
			return true
		}
		if s.text = append(s.text, line...); len(s.text) > mostText {
			s.err = fmt.Errorf("line %d begins something longer than %d bytes, which is not an event", s.line, mostText)
			return false
		}
		if whole {
			s.err = err
		}
	}
	return len(bytes.TrimSpace(s.text)) > 0 && errors.Is(s.err, io.EOF)
}

// finishLine reads the rest of a long line that begins the next stretch.
func (s *stretches) finishLine() {
	for len(s.next) <= mostText {
		line, err := s.r.ReadSlice('\n')
		s.next = append(s.next, line...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			s.err = err
			return
		}
	}
	s.err = fmt.Errorf("line %d is longer than %d bytes, which is not an event", s.read, mostText)
}

// ends says whether the stretch may end before a line that begins with a brace. It may not
// where a value has to follow, unless the line is clearly an event of its own: the stretch
// was then cut short.
func (s *stretches) ends(line []byte) bool {
	text := bytes.TrimRight(s.text, " \t\r\n")
	if len(text) == 0 {
		return false
	}
	return bytes.IndexByte([]byte(":,[{"), text[len(text)-1]) < 0 || bytes.HasPrefix(line, []byte(`{"event_`))
}
