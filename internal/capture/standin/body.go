package standin

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// body is the stand-in of a body. Its punctuation, the names of its properties and the
// literals stay, so that what could not be read of it cannot be read of the stand-in
// either.
func (m *Maker) body(b []byte) []byte {
	switch {
	case len(b) == 0:
		return b
	case isJSON(b):
	case isText(b):
		m.special.NotJSON++
	default:
		m.special.NotJSON++
		m.special.Binary++
		out := m.binary(b)
		for isJSON(out) {
			out = m.binary(out)
		}
		return out
	}
	return m.json(b)
}

// isJSON says whether a body is JSON as tolerant readers take it.
func isJSON(b []byte) bool {
	return jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// answer is the stand-in of what an app answered. Only JSON, also where it was cut short,
// has properties whose names stay.
func (m *Maker) answer(b []byte) []byte {
	switch begin := bytes.TrimLeft(b, " \t\r\n"); {
	case !isText(b):
		return m.binary(b)
	case bytes.HasPrefix(begin, []byte("{")) || bytes.HasPrefix(begin, []byte("[")):
		return m.json(b)
	}
	return m.text(nil, b, false)
}

// isText says whether a body is text in UTF-8, or nearly.
func isText(b []byte) bool {
	odd := bytes.Count(b, []byte{0})
	for s := b; len(s) > 0; {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && n == 1 {
			odd++
		}
		s = s[n:]
	}
	return odd*20 <= len(b)
}

// binary replaces all bytes of a body that is not text, but for control characters and
// punctuation, by others of their kind.
func (m *Maker) binary(b []byte) []byte {
	m.places = m.places[:0]
	out := bytes.Clone(b)
	for _, c := range out {
		switch {
		case c >= utf8.RuneSelf:
			m.places = append(m.places, place{c & 0x7f, 128})
		case inToken(rune(c)):
			m.places = m.appendPlaces(m.places, rune(c), plainForm, false)
		}
	}
	if len(m.places) > 0 {
		m.permute(m.places)
	}
	next := m.places
	for i, c := range out {
		switch {
		case c >= utf8.RuneSelf:
			out[i], next = next[0].value|0x80, next[1:]
		case inToken(rune(c)):
			var r rune
			r, next = m.fromPlaces(next, rune(c), false)
			out[i] = byte(r)
		}
	}
	return out
}

// scanner reads text as JSON as far as it is JSON: what is a name, what a value, and
// of which property.
type scanner struct {
	m     *Maker
	in    []byte
	out   []byte
	name  string   // of the property whose value comes
	outer []string // the names of the objects and arrays around
}

func (m *Maker) json(b []byte) []byte {
	s := scanner{m: m, in: b, out: make([]byte, 0, len(b)+16)}
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			i = s.string(i)
		case c == '{' || c == '[':
			s.outer = append(s.outer, s.name)
			s.out = append(s.out, c)
			i++
		case (c == '}' || c == ']') && len(s.outer) > 0:
			s.name, s.outer = s.outer[len(s.outer)-1], s.outer[:len(s.outer)-1]
			s.out = append(s.out, c)
			i++
		case separates(c):
			s.out = append(s.out, c)
			i++
		default:
			i = s.word(i)
		}
	}
	return s.out
}

// string takes the string at i and returns the index behind it.
func (s *scanner) string(i int) int {
	end := i + 1
	for end < len(s.in) && s.in[end] != '"' {
		if s.in[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(s.in))
	inside, behind := s.in[i+1:end], min(end+1, len(s.in))
	if rest := bytes.TrimLeft(s.in[behind:], " \t\r\n"); behind > end && len(rest) > 0 && rest[0] == ':' {
		s.property(inside)
		return behind
	}
	s.out = append(s.out, '"')
	from := len(s.out)
	why := s.m.stays(s.name, unquoted(inside, true))
	if why != "" {
		s.out = append(s.out, inside...)
	} else if s.out = s.m.value(s.out, s.name, inside, true); bytes.Equal(s.out[from:], inside) {
		why = s.same(inside)
	}
	s.m.count(counted(s.name), false, why)
	s.out = append(s.out, s.in[end:behind]...)
	return behind
}

// property takes the name of a property.
func (s *scanner) property(inside []byte) {
	s.name = unquoted(inside, true)
	s.out = append(s.out, '"')
	from, known := len(s.out), false
	s.out, known = s.m.memberName(s.out, inside, true)
	switch {
	case known:
		s.m.count(partNames, true, Usual)
	case bytes.Equal(s.out[from:], inside):
		s.m.count(partNames, true, same(s.name))
	default:
		s.m.count(partNames, true, "")
	}
	s.out = append(s.out, '"')
}

// same is the reason why the stand-in of a value is the value itself.
func (s *scanner) same(inside []byte) Reason {
	switch s.name {
	case "event_name", "event_type", "event_subtype":
		return Documented
	}
	return same(string(inside))
}

// separates says whether a character outside strings stands between two values.
func separates(c byte) bool { return strings.IndexByte(" \t\r\n,:{}[]\"", c) >= 0 }

// literal is why a literal of JSON stays, "" where a word is none.
func literal(word string) Reason {
	switch word {
	case "true", "false":
		return Truth
	case "null":
		return Absent
	}
	return ""
}

// longestExponent is the length of an exponent such as e-300.
const longestExponent = 5

// word takes a number, a literal or something else outside a string.
func (s *scanner) word(i int) int {
	end := i
	for end < len(s.in) && !separates(s.in[end]) {
		end++
	}
	word := s.in[i:end]
	if why := literal(string(word)); why != "" {
		s.m.count(counted(s.name), false, why)
		s.out = append(s.out, word...)
		return end
	}
	mantissa := len(word)
	if e := bytes.IndexAny(word, "eE"); e > 0 && len(word)-e <= longestExponent && len(bytes.Trim(word[:e], "-.0123456789"))+len(bytes.Trim(word[e+1:], "+-0123456789")) == 0 {
		mantissa = e // an exponent stays, so that the number stays in range
	}
	from, before := len(s.out), word[:mantissa]
	for valid, done := isJSON(word), false; !done; {
		s.out = append(s.m.text(s.out[:from], before, false), word[mantissa:]...)
		before = bytes.Clone(s.out[from : len(s.out)-len(word)+mantissa])
		done = isJSON(s.out[from:]) == valid // 1B0 must not become 1E0
	}
	why := Reason("")
	if bytes.Equal(s.out[from:], word) {
		why = same(string(word))
	}
	s.m.count(counted(s.name), false, why)
	return end
}

// unquoted is the text of the inside of a JSON string. Without escapes, and where one is
// broken, it is the inside itself.
func unquoted(inside []byte, escapes bool) string {
	if !escapes || bytes.IndexByte(inside, '\\') < 0 {
		return string(inside)
	}
	quoted := append(append([]byte{'"'}, inside...), '"')
	plain, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return string(inside)
	}
	return string(plain)
}
