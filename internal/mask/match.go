package mask

import (
	"bytes"
	"html"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// matchAt gives the length of the secret at b[i:], 0 where there is none, or that
// more of the text has to be known.
func (p *patterns) matchAt(b []byte, i int, before byte, end bool) (n int, more bool) {
	u := decode(b[i:], end)
	if u.more {
		return 0, true
	}
	first := u
	if u.skip && i+u.n < len(b) {
		if first = decode(b[i+u.n:], end); first.more {
			return 0, true
		}
	}
	forms := p.forms[first.value[0]]
	if own := lower(b[i]); own != first.value[0] && len(p.forms[own]) > 0 {
		forms = slices.Concat(forms, p.forms[own]) // a percent sign, or what begins with one
	}
	if i > 0 {
		before = b[i-1]
	}
	second := byte(0)
	if plain(b[i]) && i+1 < len(b) && plain(b[i+1]) {
		second = lower(b[i+1])
	}
	for _, f := range forms {
		if second != 0 && second != f.text[1] {
			continue
		}
		got, unsure := f.match(b[i:], end)
		if got > 0 && f.word {
			var alone bool
			if alone, unsure = f.alone(before, b[i+got:], end); !alone {
				got = 0
			}
		}
		if unsure { // a longer one may still be there
			return 0, true
		}
		n = max(n, got)
	}
	return n, false
}

// leastShown is how much of a secret that was cut short, as an ellipsis shows, tells
// of it.
const leastShown = 4

// match gives the length of the form at the beginning of b, or of as much of its
// beginning as must not be shown. A line may be broken within it.
func (f *form) match(b []byte, end bool) (n int, more bool) {
	k, matched := 0, 0 // of the form, and of b for it
	for k < len(f.text) {
		switch {
		case n-matched > longestBlank:
			return f.beginning(k, b, matched), false
		case n == len(b):
			return f.beginning(k, b, matched), !end && k > 0
		}
		c := f.text[k]
		if plain(b[n]) {
			if lower(b[n]) != c {
				return f.beginning(k, b, matched), false
			}
			n, k = n+1, k+1
			again, unsure := requoted(b[n:], c, f.text[k:], end)
			if n += again; unsure {
				return 0, true
			}
			matched = n
			continue
		}
		u := decode(b[n:], end)
		blank := blank{}
		if c == ' ' || k >= leastShown { // a line must not wait for the next one because of its last letters
			blank = u.spaces(b[n:], end)
		}
		switch {
		case u.more || c == ' ' && blank.more:
			return 0, true
		case c == ' ' && blank.n > 0:
			n, k = n+blank.n, k+1
		case u.skip:
			n += u.n
			continue
		case c == '%' && b[n] == '%' && !bytes.HasPrefix(b[n:], []byte("%%")): // the secret's own, perhaps encoded
			n, k = n+1, k+1
			n += 2 * max(0, again(string(b[n:min(len(b), n+longestRun)]))-again(f.text[k:]))
		case u.size <= len(f.text)-k && string(u.value[:u.size]) == f.text[k:k+u.size]:
			n, k = n+u.n, k+u.size
		case b[n] == c:
			n, k = n+1, k+1
		case b[n] == '\\' && lower(b[n+u.n-1]) == c: // it escapes nothing, though it looks like it
			n++
			continue
		case blank.line && blank.more:
			return 0, true
		case blank.line:
			n += blank.n
			continue
		case b[n] == '\\':
			n++
			continue
		default:
			return f.broken(b, k, n, matched, end)
		}
		matched = n
	}
	return f.padded(b, n, end)
}

// broken gives what must not be shown of a form whose first k bytes stand in b[:n], the
// last of them at matched, when what follows in b is something else: all if an ellipsis
// cuts it short.
func (f *form) broken(b []byte, k, n, matched int, end bool) (_ int, more bool) {
	if k >= leastShown && !f.last {
		switch {
		case bytes.HasPrefix(b[n:], []byte(ellipsis)):
			return f.ending(b, k, n, end)
		case !end && strings.HasPrefix(ellipsis, string(b[n:])):
			return 0, true
		}
	}
	return f.beginning(k, b, matched), false
}

// padded adds to the form of base64, of n in b, the padding that follows.
func (f *form) padded(b []byte, n int, end bool) (_ int, more bool) {
	if !f.pad {
		return n, false
	}
	for n < len(b) && b[n] == '=' {
		n++
	}
	return n, n == len(b) && !end
}

const ellipsis = "…"

// beginning is n, the length in b of the form's first k characters, where these tell too
// much, otherwise 0. In plain text they have to end a word: it may be quite another one.
func (f *form) beginning(k int, b []byte, n int) int {
	if f.word || k < f.cut || !f.pad && n < len(b) && inWord(b[n]) {
		return 0
	}
	return n
}

// ending adds to the beginning of the form, of k characters and of n in b, the ellipsis
// that follows and the end of the form behind it, where it is there.
func (f *form) ending(b []byte, k, n int, end bool) (_ int, more bool) {
	rest := b[n+len(ellipsis):]
	if !end && len(rest) < len(f.text)-k {
		return 0, true
	}
	for ; len(f.text)-k >= leastShown; k++ {
		tail := form{text: f.text[k:], cut: len(f.text), last: true}
		got, unsure := tail.match(rest, end)
		switch {
		case unsure:
			return 0, true
		case got > 0:
			return n + len(ellipsis) + got, false
		}
	}
	return n, false
}

// requoted is the length of what quoting puts behind a letter that is a quote: it is
// doubled in YAML, and in a shell the quotes around it end and begin again. Behind other
// letters it is 0.
func requoted(b []byte, letter byte, next string, end bool) (n int, more bool) {
	if letter != '\'' && letter != '"' {
		return 0, false
	}
	for _, again := range []string{`\''`, `"'"'`, string(letter)} {
		switch {
		case strings.HasPrefix(next, again):
		case bytes.HasPrefix(b, []byte(again)):
			return len(again), false
		case !end && len(b) > 0 && strings.HasPrefix(again, string(b)):
			return 0, true
		}
	}
	return 0, false
}

// alone says whether a form stands as a word of its own between two texts, and is
// not the name of a member of JSON.
func (f *form) alone(before byte, after []byte, end bool) (alone, more bool) {
	key := bytes.TrimLeft(after, `\`)
	switch {
	case inWord(before):
		return false, false
	case len(key) < len(`":`) && strings.HasPrefix(`":`, string(key)) && !end:
		return true, true
	case len(after) == 0 || bytes.HasPrefix(after, []byte("…")):
		return true, false
	}
	return !inWord(after[0]) && !bytes.HasPrefix(key, []byte(`":`)), false
}

// plain says whether a byte can only stand for itself.
func plain(c byte) bool {
	return c > ' ' && c < utf8.RuneSelf && c != '%' && c != '\\' && c != '&' && c != '+'
}

// inWord says whether a byte beside a word makes another word of it.
func inWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_' || c >= utf8.RuneSelf
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// lower is a letter of ASCII in lower case, and any other byte itself.
func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// unit is one character of a text, or what stands for one.
type unit struct {
	value [utf8.UTFMax]byte
	size  int  // of value
	n     int  // of the text
	skip  bool // a backslash, which is not compared
	more  bool // the text ends within it
}

func byteUnit(c byte, n int) unit {
	return unit{value: [4]byte{lower(c)}, size: 1, n: n, skip: c == '\\'}
}

func runeUnit(r rune, n int) unit {
	if r < utf8.RuneSelf {
		return byteUnit(byte(r), n)
	}
	u := unit{n: n}
	u.size = utf8.EncodeRune(u.value[:], r)
	return u
}

// blank is white space in a text, with the colours of a terminal between.
type blank struct {
	n    int
	line bool // it may break a line
	more bool // the text ends within it
}

// Kinds of white space, which are not mixed: as it is, and the plus signs of forms that
// were encoded again, once or twice.
const (
	notSpace = iota
	space
	plus
	encodedPlus
)

func (u unit) kind(first byte) int {
	switch string(u.value[:u.size]) {
	case "\t", "\n", "\r", "\u00a0":
		return space
	case "+":
		if u.n == len("%2B") {
			return encodedPlus
		}
	case " ":
		if first == '+' {
			return plus
		}
		return space
	}
	return notSpace
}

// How long a run of escapes and one of white space may be within a secret. What is
// looked at again for each character of a text must not be as long as the text.
const (
	longestRun   = 32
	longestBlank = 128
)

// spaces reads the white space that begins with u.
func (u unit) spaces(b []byte, end bool) (s blank) {
	for kind := notSpace; ; {
		n := u.n
		if rest := b[s.n:]; rest[0] == '\x1b' {
			if n, s.more = colour(rest, end); n == 0 {
				s.line = s.line || s.more
				return s
			}
			s.line = true
		} else {
			next := u.kind(rest[0])
			if next == notSpace || kind != notSpace && next != kind {
				return s
			}
			kind, s.line = next, s.line || u.value[0] == '\n' || u.value[0] == '\r'
		}
		if s.n += n; s.n >= longestBlank {
			return s
		}
		if s.n == len(b) {
			s.more = !end
			return s
		}
		if u = decode(b[s.n:], end); u.more {
			s.more = true
			return s
		}
	}
}

// colour is the length of the sequence at the beginning of b that colours a terminal, 0
// for none.
func colour(b []byte, end bool) (n int, more bool) {
	near := b[:min(len(b), longestRun)]
	n = len(near) - len(bytes.TrimLeft(near, "\x1b[0123456789;"))
	switch {
	case n == len(b):
		return 0, !end
	case n == longestRun:
		return 0, false
	case b[n] != 'm' || !bytes.HasPrefix(b, []byte("\x1b[")):
		return 0, false
	}
	return n + 1, false
}

// decode reads the unit at the beginning of b.
func decode(b []byte, end bool) unit {
	switch b[0] {
	case '%':
		return percent(b, end)
	case '\\':
		return escape(b, end)
	case '&':
		return entity(b, end)
	case '+':
		return byteUnit(' ', 1) // of a form; match also compares the plus itself
	}
	return byteUnit(b[0], 1)
}

// again is how often the percent sign before s was encoded again.
func again(s string) int {
	n := 0
	for strings.HasPrefix(s[2*n:], "25") {
		n++
	}
	return n
}

// percent reads %2B, also where its percent sign was encoded again.
func percent(b []byte, end bool) unit {
	n := 1
	if bytes.HasPrefix(b, []byte("%%")) {
		return byteUnit('%', 2) // as printf has it
	}
	n += 2 * again(string(b[n:min(len(b), n+longestRun)]))
	if len(b) < n+2 && !end {
		return unit{more: true}
	}
	if v, ok := hex(b, n, 2); ok {
		return byteUnit(byte(v), n+2)
	}
	if n > 1 {
		return byteUnit('%', n)
	}
	return byteUnit('%', 1)
}

// escape reads backslashes and what they make of the next character.
func escape(b []byte, end bool) unit {
	n := 0
	for n < len(b) && b[n] == '\\' {
		if n++; n == longestRun {
			return unit{skip: true, n: n}
		}
	}
	if n == len(b) {
		return unit{more: !end, skip: true, n: n}
	}
	digits := 0
	switch b[n] {
	case 'n':
		return byteUnit('\n', n+1)
	case 't':
		return byteUnit('\t', n+1)
	case 'r':
		return byteUnit('\r', n+1)
	case 'u':
		digits = 4
	case 'x':
		digits = 2
	case 'U':
		digits = 8
	}
	if digits == 0 {
		return octal(b, n, end)
	}
	v, ok := hex(b, n+1, digits)
	switch {
	case ok && utf16.IsSurrogate(rune(v)): // half of a character
		if low, ok := hex(b, n+7, 4); ok && bytes.HasPrefix(b[n+5:], []byte(`\u`)) {
			return runeUnit(utf16.DecodeRune(rune(v), rune(low)), n+11)
		}
		if len(b) < n+11 && !end {
			return unit{more: true}
		}
	case ok:
		return runeUnit(rune(v), n+1+digits)
	case len(b) < n+1+digits && !end:
		return unit{more: true}
	}
	return unit{skip: true, n: n}
}

// octal reads the digits of a byte behind n backslashes, as printf has it.
func octal(b []byte, n int, end bool) unit {
	v := 0
	for i := range 3 {
		switch {
		case n+i == len(b) && !end && i > 0:
			return unit{more: true}
		case n+i == len(b) || b[n+i] < '0' || b[n+i] > '7' || b[n] > '3':
			return unit{skip: true, n: n}
		}
		v = v<<3 | int(b[n+i]-'0')
	}
	return byteUnit(byte(v), n+3)
}

// longestEntity is the length of &#x10FFFF; and more than that of those below.
const longestEntity = 10

// entity reads a character as HTML and XML write it.
func entity(b []byte, end bool) unit {
	i := bytes.IndexByte(b[:min(len(b), longestEntity)], ';')
	if i < 0 {
		rest := bytes.Trim(b[1:min(len(b), longestEntity)], "#abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
		if !end && len(b) < longestEntity && len(rest) == 0 {
			return unit{more: true}
		}
		return byteUnit('&', 1)
	}
	if r := []rune(html.UnescapeString(string(b[:i+1]))); len(r) == 1 {
		return runeUnit(r[0], i+1)
	}
	return byteUnit('&', 1)
}

// hex reads a number of hexadecimal digits at b[from:].
func hex(b []byte, from, digits int) (uint32, bool) {
	if len(b) < from+digits {
		return 0, false
	}
	var v uint32
	for _, c := range b[from : from+digits] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint32(c-'a'+10)
		case c >= 'A' && c <= 'F':
			v = v<<4 | uint32(c-'A'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
