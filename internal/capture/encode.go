package capture

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"relayctl/internal/event"
)

// Append appends the record to dst as one JSON line with its line break. The
// body is kept exactly: as a string, or as base64 where it is not UTF-8; in
// other fields what is not UTF-8 becomes U+FFFD.
func (r *Record) Append(dst []byte) []byte {
	dst = append(dst, `{"v":1,"received_at":"`...)
	dst = event.AppendTS(dst, r.ReceivedAt.UTC())
	dst = appendMember(append(dst, '"'), `,"remote":`, r.Remote)
	dst = appendMember(dst, `,"method":`, r.Method)
	dst = appendMember(dst, `,"path":`, r.Path)
	dst = r.appendBody(appendHeaders(dst, r.Headers))
	dst = appendStatus(dst, r.Status)
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
	if r.App != nil {
		dst = r.App.Append(append(dst, `,"app":`...))
	}
	return append(dst, "}\n"...)
}

func (r *Record) appendBody(dst []byte) []byte {
	if r.Omitted {
		return append(dst, `,"body_omitted":true`...)
	}
	return appendBytes(dst, r.Body)
}

// Append appends the answer to dst as a JSON object.
func (a *App) Append(dst []byte) []byte {
	dst = appendMember(dst, `{"url":`, a.URL)
	dst = appendStatus(dst, a.Status)
	dst = append(dst, `,"latency_ms":`...)
	dst = strconv.AppendFloat(dst, float64(a.Latency.Microseconds())/1000, 'f', -1, 64)
	if a.Error != "" {
		dst = appendMember(dst, `,"error":`, a.Error)
	}
	if a.Status != 0 {
		dst = appendBytes(appendHeaders(dst, a.Headers), a.Body)
	}
	if a.Truncated {
		dst = append(dst, `,"body_truncated":true`...)
	}
	return append(dst, '}')
}

func appendHeaders(dst []byte, headers []Header) []byte {
	dst = append(dst, `,"headers":{`...)
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, h.Name), ':')
		dst = appendQuoted(dst, h.Value)
	}
	return append(dst, '}')
}

func appendStatus(dst []byte, status int) []byte {
	dst = append(dst, `,"status":`...)
	if status == 0 {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, int64(status), 10)
}

func appendBytes(dst, body []byte) []byte {
	if utf8.Valid(body) {
		return appendBodyText(append(dst, `,"body":`...), body)
	}
	dst = append(dst, `,"body_base64":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, body), '"')
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

// appendQuoted appends s as a JSON string; what is not UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // its error only tells of the U+FFFD
	return dst
}

// appendBodyText appends valid UTF-8 as a JSON string, three times as fast as the
// JSON library: the body takes most of the time of a line, and the answer waits
// for the line. Eight bytes are copied at once; what follows the first one that
// has to be escaped is overwritten.
func appendBodyText(dst, s []byte) []byte {
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

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
