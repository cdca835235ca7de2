package capture

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"

	"relayctl/internal/event"
)

// Append appends the record to dst as one JSON line with its line break. The
// body is kept exactly: as a string, or as base64 where it is no UTF-8; in other
// fields what is no UTF-8 becomes U+FFFD.
func (r *Record) Append(dst []byte) []byte {
	dst = append(dst, `{"v":1,"received_at":"`...)
	dst = r.ReceivedAt.UTC().AppendFormat(dst, event.TimeLayout)
	dst = appendMember(append(dst, '"'), `,"remote":`, r.Remote)
	dst = appendMember(dst, `,"method":`, r.Method)
	dst = appendMember(dst, `,"path":`, r.Path)
	dst = append(dst, `,"headers":{`...)
	for i, h := range r.Headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, h.Name), ':')
		dst = appendQuoted(dst, h.Value)
	}
	dst = r.appendBody(append(dst, '}'))
	dst = append(dst, `,"status":`...)
	if r.Status == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(r.Status), 10)
	}
	dst = appendMember(dst, `,"event_id":`, r.EventID)
	dst = appendMember(dst, `,"event_name":`, r.EventName)
	dst = appendMember(dst, `,"event_ts":`, r.EventTS)
	dst = append(dst, `,"attempt":`...)
	dst = strconv.AppendInt(dst, int64(r.Attempt), 10)
	dst = appendBadges(dst, r.Badges)
	dst = append(dst, `,"findings":`...)
	dst = appendList(dst, r.Findings, appendFinding)
	if len(r.Members) > 0 {
		dst = append(dst, `,"members":`...)
		dst = appendList(dst, r.Members, appendBatchMember)
	}
	return append(dst, "}\n"...)
}

func (r *Record) appendBody(dst []byte) []byte {
	switch {
	case r.Omitted:
		return append(dst, `,"body_omitted":true`...)
	case utf8.Valid(r.Body):
		return appendQuotedUTF8(append(dst, `,"body":`...), r.Body)
	}
	dst = append(dst, `,"body_base64":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, r.Body), '"')
}

func appendFinding(dst []byte, f *event.Finding) []byte {
	dst = appendMember(dst, `{"clause":`, f.Clause)
	dst = appendMember(dst, `,"level":`, string(f.Level))
	dst = appendMember(dst, `,"path":`, f.Path)
	return append(appendMember(dst, `,"message":`, f.Message), '}')
}

func appendBatchMember(dst []byte, m *Member) []byte {
	dst = appendMember(dst, `{"event_id":`, m.EventID)
	dst = appendMember(dst, `,"event_name":`, m.EventName)
	dst = strconv.AppendInt(append(dst, `,"attempt":`...), int64(m.Attempt), 10)
	return append(appendBadges(dst, m.Badges), '}')
}

func appendBadges(dst []byte, badges []string) []byte {
	return appendList(append(dst, `,"badges":`...), badges, func(dst []byte, b *string) []byte { return appendQuoted(dst, *b) })
}

func appendList[T any](dst []byte, list []T, element func([]byte, *T) []byte) []byte {
	dst = append(dst, '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = element(dst, &list[i])
	}
	return append(dst, ']')
}

// appendMember appends a name, which comes with its punctuation, and a text.
func appendMember(dst []byte, name, text string) []byte {
	return appendQuoted(append(dst, name...), text)
}

// appendQuoted appends s as a JSON string.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(slices.Grow(dst, len(s)+len(s)/4+2), '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if n := runeLen(s[i:]); n > 0 {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// appendQuotedUTF8 appends valid UTF-8 as a JSON string. It is the part of a
// line that takes time, so it looks at eight bytes at once: they are copied
// first, and what follows the first one to be escaped is overwritten.
func appendQuotedUTF8(dst, s []byte) []byte {
	dst = append(slices.Grow(dst, len(s)+len(s)/4+2), '"')
	i := 0
	for i+8 <= len(s) {
		if cap(dst)-len(dst) < 16 {
			dst = slices.Grow(dst, len(s)-i+len(s)/8+16)
		}
		word, n := binary.LittleEndian.Uint64(s[i:]), len(dst)
		binary.LittleEndian.PutUint64(dst[n:n+8], word)
		k := escapeIndex(word)
		dst, i = dst[:n+k], i+k
		if k < 8 {
			dst = appendEscape(dst, s[i])
			i++
		}
	}
	for _, c := range s[i:] {
		if c < ' ' || c == '"' || c == '\\' {
			dst = appendEscape(dst, c)
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// escapeIndex is the index, in memory order, of the first of eight bytes that
// has to be escaped, 8 if none has to be. A borrow can only spoil the bytes
// above the first hit.
func escapeIndex(word uint64) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := word^ones*'"', word^ones*'\\'
	hits := (word-ones*' ')&^word | (quote-ones)&^quote | (slash-ones)&^slash
	return bits.TrailingZeros64(hits&highs) >> 3
}

// runeLen is the length of the character that s begins with, 0 for what is no UTF-8.
func runeLen[T string | []byte](s T) int {
	var head [utf8.UTFMax]byte
	r, n := utf8.DecodeRune(head[:copy(head[:], s)])
	if r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c >= utf8.RuneSelf:
		return append(dst, `\ufffd`...)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
