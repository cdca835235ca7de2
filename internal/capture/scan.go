package capture

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of values that are skipped.
const maxDepth = 1000

// errCut says that the text ends in the middle of a value.
var errCut = errors.New("it is cut short")

// scanner reads JSON text by hand. Its error sticks: after the first one every
// method does nothing and tells that there is no more.
type scanner struct {
	text    []byte
	pos     int
	err     error
	scratch []byte
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// unexpected fails at the current position.
func (s *scanner) unexpected(want string) {
	if s.err != nil {
		return
	}
	if s.pos >= len(s.text) {
		s.err = errCut
		return
	}
	s.fail("broken JSON at byte %d: %s expected", s.pos+1, want)
}

// peek returns the next byte that is no white space, 0 at the end or after an error.
func (s *scanner) peek() byte {
	if s.err != nil {
		return 0
	}
	for ; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take consumes c, which has to come next.
func (s *scanner) take(c byte) bool {
	if s.peek() == c && s.err == nil && s.pos < len(s.text) {
		s.pos++
		return true
	}
	s.unexpected(strconv.QuoteRune(rune(c)))
	return false
}

// more says whether another element of an object or array follows, and
// consumes the comma before it or the closing bracket.
func (s *scanner) more(closing byte, first *bool) bool {
	c := s.peek()
	if c == closing && s.err == nil && s.pos < len(s.text) {
		s.pos++
		return false
	}
	if *first {
		*first = false
		if c == 0 {
			s.unexpected("a value")
		}
		return s.err == nil
	}
	return s.take(',')
}

// key reads a name and its colon; valid until the next read.
func (s *scanner) key() []byte {
	k := s.quoted()
	s.take(':')
	return k
}

// null consumes a null.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.word("null")
	return s.err == nil
}

func (s *scanner) word(w string) {
	end := min(s.pos+len(w), len(s.text))
	if got := string(s.text[s.pos:end]); got != w {
		if got == w[:len(got)] {
			s.pos = len(s.text)
		}
		s.unexpected(w)
		return
	}
	s.pos = end
}

// quoted reads a string; it is valid until the next read.
func (s *scanner) quoted() []byte {
	if !s.take('"') {
		return nil
	}
	start := s.pos
	for i := start; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			return s.text[start:i]
		case c == '\\' || c < ' ':
			s.pos = start
			s.scratch = s.unescape(s.scratch[:0])
			return s.scratch
		}
	}
	s.pos = len(s.text)
	s.unexpected("a string")
	return nil
}

// appendQuoted reads a string onto dst.
func (s *scanner) appendQuoted(dst []byte) []byte {
	if !s.take('"') {
		return dst
	}
	return s.unescape(dst)
}

// unescape reads the rest of a string, after its first quotation mark.
func (s *scanner) unescape(dst []byte) []byte {
	text, i := s.text, s.pos
	start := i
	for i < len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, text[start:i]...)
		if c == '"' {
			s.pos = i + 1
			return dst
		}
		if c < ' ' {
			s.pos = i
			s.unexpected("an escaped control character")
			return dst
		}
		if i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\') {
			// By far the most frequent: the quotation marks of the captured JSON.
			start = i + 1
			i += 2
			continue
		}
		s.pos = i
		if dst = s.escape(dst); s.err != nil {
			return dst
		}
		i = s.pos
		start = i
	}
	s.pos = len(text)
	s.unexpected("a string")
	return dst
}

// escape reads an escape sequence onto dst. Half a surrogate pair becomes U+FFFD.
func (s *scanner) escape(dst []byte) []byte {
	if s.pos+1 >= len(s.text) {
		s.pos = len(s.text)
		s.unexpected("an escape")
		return dst
	}
	c := s.text[s.pos+1]
	if c == 'u' {
		r := s.hex4()
		if utf16.IsSurrogate(r) && s.pos+1 < len(s.text) && s.text[s.pos] == '\\' && s.text[s.pos+1] == 'u' {
			before := s.pos
			if both := utf16.DecodeRune(r, s.hex4()); both != utf8.RuneError {
				r = both
			} else {
				s.pos = before
			}
		}
		return utf8.AppendRune(dst, r)
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for i := range from {
		if from[i] == c {
			s.pos += 2
			return append(dst, to[i])
		}
	}
	s.pos++
	s.unexpected("an escape")
	return dst
}

// hex4 reads \uXXXX.
func (s *scanner) hex4() rune {
	if s.pos+6 > len(s.text) {
		s.pos = len(s.text)
		s.unexpected("four hexadecimal digits")
		return 0
	}
	v, err := strconv.ParseUint(string(s.text[s.pos+2:s.pos+6]), 16, 16)
	if err != nil {
		s.unexpected("four hexadecimal digits")
		return 0
	}
	s.pos += 6
	return rune(v)
}

// integer reads a whole number.
func (s *scanner) integer() int {
	s.peek()
	start := s.pos
	s.number()
	if s.err != nil {
		return 0
	}
	n, err := strconv.Atoi(string(s.text[start:s.pos]))
	if err != nil {
		s.pos = start
		s.unexpected("a whole number")
	}
	return n
}

func (s *scanner) number() {
	if s.peek() == '-' {
		s.pos++
	}
	if s.pos < len(s.text) && s.text[s.pos] == '0' {
		s.pos++
	} else {
		s.digits()
	}
	if s.err == nil && s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		s.digits()
	}
	if s.err == nil && s.pos < len(s.text) && s.text[s.pos]|' ' == 'e' {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '+' || s.text[s.pos] == '-') {
			s.pos++
		}
		s.digits()
	}
}

func (s *scanner) digits() {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.unexpected("a digit")
	}
}

// boolean reads true or false.
func (s *scanner) boolean() bool {
	if s.peek() == 't' {
		s.word("true")
		return s.err == nil
	}
	s.word("false")
	return false
}

// skip reads over a value of any kind.
func (s *scanner) skip(depth int) {
	if depth > maxDepth {
		s.fail("broken JSON at byte %d: nested too deeply", s.pos+1)
		return
	}
	switch c := s.peek(); c {
	case '"':
		s.quoted()
	case '{', '[':
		s.pos++
		closing := c + 2 // '}' after '{', ']' after '['
		for first := true; s.more(closing, &first); {
			if c == '{' {
				s.key()
			}
			s.skip(depth + 1)
		}
	case 't', 'f':
		s.boolean()
	case 'n':
		s.null()
	case 0:
		s.unexpected("a value")
	default:
		s.number()
	}
}
