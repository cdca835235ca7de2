package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean makes a string from outside safe to print: it escapes control characters,
// line breaks, characters that change the direction of text, and those that
// nobody can see. Above ASCII the escapes are those of JSON.
func Clean(t string) string {
	if strings.IndexFunc(t, Unsafe) < 0 && utf8.ValidString(t) {
		return t
	}
	var b []byte
	for i := 0; i < len(t); {
		r, n := utf8.DecodeRuneInString(t[i:])
		switch {
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case Unsafe(r) || r == utf8.RuneError && n == 1:
			b = appendEscape(b, r, t[i])
		default:
			b = append(b, t[i:i+n]...)
		}
		i += n
	}
	return string(b)
}

// appendEscape writes a character that may not be shown; first is its first byte,
// and all that there is of one that is not UTF-8.
func appendEscape(dst []byte, r rune, first byte) []byte {
	switch {
	case r < ' ' || r == utf8.RuneError:
		return fmt.Appendf(dst, `\x%02x`, first)
	case r > 0xFFFF:
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(dst, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}

// Unsafe says whether a character can control a terminal, break a line, change
// the direction of text, or stand in it unseen, as zero-width characters and tags
// do. The selectors between the two looks of an emoji are seen.
func Unsafe(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f
	case r == '\uFE0E' || r == '\uFE0F':
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
