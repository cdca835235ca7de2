package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Plain is what a probe showed as people read it: the texts of JSON without their
// escapes.
func Plain(body []byte) string {
	var v any
	if dec := json.NewDecoder(bytes.NewReader(body)); dec.Decode(&v) == nil {
		return fmt.Sprint(v)
	}
	return string(body)
}

// Spoilt lists what becomes of a text when its UTF-8 is read as Latin-1 or as
// Windows-1252, and when it is kept in ASCII.
func Spoilt(text string) []string {
	var latin strings.Builder
	for _, b := range []byte(text) {
		latin.WriteRune(rune(b))
	}
	instead := func(with string, each func(rune) int) string {
		var b strings.Builder
		for _, r := range text {
			if r <= unicode.MaxASCII {
				b.WriteRune(r)
				continue
			}
			b.WriteString(strings.Repeat(with, each(r)))
		}
		return b.String()
	}
	once := func(rune) int { return 1 }
	bytesOf := func(r rune) int { return len(string(r)) }
	return []string{
		latin.String(), windows1252(text),
		instead("?", once), instead("?", bytesOf), instead("\uFFFD", once), instead("\uFFFD", bytesOf), instead("", once),
	}
}

// windows1252 is a text whose UTF-8 was read as Windows-1252, which differs from
// Latin-1 from 0x80 to 0x9f.
func windows1252(text string) string {
	high := []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")
	var b strings.Builder
	for _, c := range []byte(text) {
		r := rune(c)
		if c >= 0x80 && c < 0xa0 {
			r = high[c-0x80]
		}
		b.WriteRune(r)
	}
	return b.String()
}
