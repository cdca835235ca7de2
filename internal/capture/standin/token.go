package standin

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"relayctl/internal/capture"
)

// unit is one character of a text and the bytes that write it.
type unit struct {
	r        rune // -1 for a byte that is not UTF-8
	from, to int
	escaped  bool // written as \u00e9
}

// text appends the stand-in of a text to dst. With escapes the text is the inside of a
// JSON string: an escaped character is replaced by an escaped one.
func (m *Maker) text(dst, text []byte, escapes bool) []byte {
	m.read(text, escapes)
	u := m.units
	for i := 0; i < len(u); {
		n, form := 1, plainForm
		switch {
		case !inToken(u[i].r):
			dst = appendOther(dst, text[u[i].from:u[i].to], len(text)-u[i].to)
			i++
			continue
		case isUUID(u[i:]):
			n, form = uuidLength, uuidForm
		case addressLength(u[i:]) > 0:
			n, form = addressLength(u[i:]), addressForm
		case dateLength(u[i:]) > 0:
			n, form = dateLength(u[i:]), dateForm
		default:
			for i+n < len(u) && inToken(u[i+n].r) {
				n++
			}
			if isHex(u[i : i+n]) {
				form = hexForm
			}
		}
		dst = m.token(dst, text, u[i:i+n], form)
		i += n
	}
	return dst
}

// appendOther appends a character that is not replaced; behind are the bytes after it. In
// an escape that JSON does not know, it writes another such escape.
func appendOther(dst, c []byte, behind int) []byte {
	if len(c) == 2 && c[0] == '\\' && strings.IndexByte(`"\/bfnrt`, c[1]) < 0 && (c[1] != 'u' || behind >= escapeLength-2) {
		return append(dst, `\x`...)
	}
	return append(dst, c...)
}

// String is the stand-in of a text.
func (m *Maker) String(s string) string { return string(m.text(nil, []byte(s), false)) }

// read takes a text apart into m.units.
func (m *Maker) read(text []byte, escapes bool) {
	m.units = m.units[:0]
	for i := 0; i < len(text); {
		u := unit{r: rune(text[i]), from: i, to: i + 1}
		switch {
		case escapes && text[i] == '\\':
			u.r, u.to = ' ', min(i+2, len(text))
			if half, ok := escape(text[i:]); ok {
				u.r, u.to, u.escaped = half, i+escapeLength, true
				if low, ok := escape(text[u.to:]); ok && utf16.DecodeRune(half, low) != utf8.RuneError {
					u.r, u.to = utf16.DecodeRune(half, low), u.to+escapeLength
				}
			}
		case text[i] >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(text[i:])
			if u.r, u.to = r, i+n; r == utf8.RuneError && n == 1 {
				u.r = -1
			}
		}
		m.units = append(m.units, u)
		i = u.to
	}
}

const escapeLength = len(`\u00e9`)

// escape reads an escape such as \u00e9 that a text begins with.
func escape(text []byte) (rune, bool) {
	if len(text) < escapeLength || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(text[2:escapeLength]), 16, 16)
	return rune(v), err == nil
}

// form is how the characters of a token are chosen.
type form int

const (
	plainForm   form = iota // letters and digits; zeros in front of a number stay
	hexForm                 // hexadecimal digits
	uuidForm                // of which version and variant stay
	addressForm             // an IPv4 address
	dateForm                // a day that exists
)

const (
	uuidLength  = 36
	uuidVersion = 14 // the index of its digit
	uuidVariant = 19
	leastHex    = 8 // a shorter text such as "c0ffee1" may be a word
)

// token appends the stand-in of a token.
func (m *Maker) token(dst, text []byte, u []unit, form form) []byte {
	if from, to := u[0].from, u[len(u)-1].to; from > 0 && to < len(text) && string(text[from-1:to+1]) == capture.Redacted {
		return append(dst, text[from:to]...)
	}
	switch form {
	case addressForm:
		return m.address(dst, text, u)
	case dateForm:
		return m.date(dst, text, u)
	}
	m.places = m.places[:0]
	each(u, form, func(_ int, c unit, nonzero bool) {
		m.places = m.appendPlaces(m.places, c.r, form, nonzero)
	})
	if len(m.places) > 0 {
		m.permute(m.places)
	}
	next := m.places
	at := 0
	each(u, form, func(i int, c unit, nonzero bool) {
		dst = append(dst, text[u[at].from:u[i].from]...)
		var r rune
		r, next = m.fromPlaces(next, c.r, nonzero)
		dst = appendUnit(dst, text, c, r)
		at = i + 1
	})
	if at < len(u) {
		dst = append(dst, text[u[at].from:u[len(u)-1].to]...)
	}
	return dst
}

// each calls use for every character of a token that is replaced. nonzero says that it
// is the first digit of a number, which stays one.
func each(u []unit, form form, use func(i int, c unit, nonzero bool)) {
	begun := false // the number
	for i, c := range u {
		digit := c.r >= '0' && c.r <= '9'
		switch {
		case !inToken(c.r), form == uuidForm && (i == uuidVersion || i == uuidVariant):
			continue
		case form == plainForm && digit && !begun && c.r == '0':
			continue // of the zeros in front
		}
		use(i, c, form == plainForm && digit && !begun)
		begun = digit
	}
}

// appendPlaces appends what a character is replaced by: a letter by a letter of the
// same case, any other by one of the same length.
func (m *Maker) appendPlaces(p []place, r rune, form form, nonzero bool) []place {
	switch {
	case nonzero:
		return append(p, place{uint8(r - '1'), 9})
	case r >= '0' && r <= '9':
		return append(p, place{uint8(r - '0'), 10})
	case r < utf8.RuneSelf:
		return append(p, place{uint8(r|0x20) - 'a', letters(form)})
	}
	if wide(r) {
		return append(p, place{uint8(r >> 6 & 0x3f), 64}, place{uint8(r & 0x3f), 64})
	}
	letters := m.alphabet(r)
	lower, _ := lowerOf(r)
	at, _ := slices.BinarySearch(letters, lower)
	return append(p, place{uint8(at), uint8(len(letters))})
}

func letters(form form) uint8 {
	if form == plainForm {
		return 26
	}
	return 6
}

// fromPlaces is the other way round, and returns the places that are left.
func (m *Maker) fromPlaces(p []place, r rune, nonzero bool) (rune, []place) {
	switch {
	case nonzero:
		return rune(p[0].value) + '1', p[1:]
	case r >= '0' && r <= '9':
		return rune(p[0].value) + '0', p[1:]
	case r < utf8.RuneSelf:
		return rune(p[0].value) + 'a' - 'a'&0x20 + r&0x20, p[1:]
	}
	if wide(r) {
		return r&^0xfff | rune(p[0].value)<<6 | rune(p[1].value), p[2:]
	}
	out := m.alphabet(r)[p[0].value]
	if lower, cased := lowerOf(r); cased && r != lower {
		out = unicode.ToUpper(out)
	}
	return out, p[1:]
}

// appendUnit writes a character as the one was written for which it stands.
func appendUnit(dst, text []byte, c unit, r rune) []byte {
	if !c.escaped {
		return utf8.AppendRune(dst, r)
	}
	old := text[c.from:c.to]
	upper := bytes.ContainsAny(old, "ABCDEF")
	for _, half := range utf16.AppendRune(nil, r) {
		digits := strconv.FormatUint(uint64(half)+0x10000, 16)[1:]
		if upper {
			digits = strings.ToUpper(digits)
		}
		dst = append(append(dst, `\u`...), digits...)
	}
	return dst
}

func isHexDigit(r rune) bool { return r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'f' }

// isHex says whether a token is written in hexadecimal digits: letters and digits.
func isHex(u []unit) bool {
	digits := 0
	for _, c := range u {
		if !isHexDigit(c.r) {
			return false
		}
		if c.r <= '9' {
			digits++
		}
	}
	return len(u) >= leastHex && digits > 0 && digits < len(u)
}

func isUUID(u []unit) bool {
	if len(u) < uuidLength || len(u) > uuidLength && inToken(u[uuidLength].r) {
		return false
	}
	for i, c := range u[:uuidLength] {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c.r == '-') || !dash && !isHexDigit(c.r) {
			return false
		}
	}
	return true
}
