package standin

import (
	"unicode"
	"unicode/utf8"
)

// alphabetKey names an alphabet: the characters of a block of 64, which UTF-8 writes with
// the same first bytes; either those with two cases, or the others.
type alphabetKey struct {
	block rune
	cased bool
}

const blockSize = 64

// alphabet lists the characters by which one outside ASCII may be replaced, in their
// order. Of letters with two cases it has the small ones.
func (m *Maker) alphabet(r rune) []rune {
	lower, cased := lowerOf(r)
	key := alphabetKey{lower &^ (blockSize - 1), cased}
	list, known := m.letters[key]
	for c := key.block; !known && c < key.block+blockSize; c++ {
		if small, pair := lowerOf(c); pair == cased && small == c && inToken(c) {
			list = append(list, c)
		}
	}
	m.letters[key] = list
	return list
}

// lowerOf is the small letter of one that has two cases, which UTF-8 writes in the same
// length; of another character itself.
func lowerOf(r rune) (lower rune, cased bool) {
	lower = unicode.ToLower(r)
	upper := unicode.ToUpper(lower)
	if lower == upper || unicode.ToLower(upper) != lower || r != lower && r != upper || utf8.RuneLen(lower) != utf8.RuneLen(upper) {
		return r, false
	}
	return lower, true
}

// wide says whether a character is one of the thousands of Chinese, Japanese or Korean,
// of which two bytes of three can be any.
func wide(r rune) bool { return r >= 0x3000 && r < 0xa000 || r >= 0xb000 && r < 0xd000 }

// inToken says whether a character is replaced.
func inToken(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z'
	case r >= 0xe0000 && r < 0xe0080: // tags, which write text that is not seen
		return true
	}
	return r != utf8.RuneError && unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.So, unicode.Co)
}
