package serve

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// head reads the heads of a connection's requests, each into the same request.
// The zero value is ready.
type head struct {
	req    http.Request
	values []string // backs those of the header
	body   int      // length of the body that follows
	last   []byte   // the head that was read last
	digits span     // of last: the value of Content-Length
}

type span struct{ from, to int }

const (
	methodAndPath = "POST /"
	version       = " HTTP/1.1\r\n"
	lengthName    = "Content-Length"
	maxDigits     = 9
)

// parse reads a head, its empty line included, and says whether it is plain:
// a POST as HTTP/1.1 with a length, every line of it beyond doubt. What is
// not, valid or not, it leaves to net/http.
func (h *head) parse(text []byte) bool {
	if h.again(text) {
		return true
	}
	h.last = h.last[:0]
	head := string(text)
	line, rest, ok := strings.Cut(head, "\r\n")
	if !ok || !strings.HasPrefix(line, methodAndPath) {
		return false
	}
	target, ok := strings.CutSuffix(line[len(methodAndPath)-1:], strings.TrimSuffix(version, "\r\n"))
	if !ok || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return false
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return false
	}
	if h.req.Header == nil {
		h.req.Header = make(http.Header)
	}
	clear(h.req.Header)
	h.req.Method, h.req.Proto, h.req.ProtoMajor, h.req.ProtoMinor = http.MethodPost, "HTTP/1.1", 1, 1
	h.req.URL, h.req.RequestURI, h.req.Host = u, target, ""
	h.values, h.body = h.values[:0], -1
	if !h.fields(head, len(head)-len(rest)) || h.body < 0 || h.req.Host == "" {
		return false
	}
	h.req.ContentLength = int64(h.body)
	h.last = append(h.last, text...)
	return true
}

// again reads a head that differs from the last one at most in the length of
// the body, as those of one sender do.
func (h *head) again(text []byte) bool {
	d := h.digits
	if len(h.last) == 0 || len(text) < d.to || !bytes.Equal(text[:d.from], h.last[:d.from]) {
		return false
	}
	end := d.from
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if !bytes.Equal(text[end:], h.last[d.to:]) {
		return false
	}
	if bytes.Equal(text[d.from:end], h.last[d.from:d.to]) {
		return true
	}
	value := string(text[d.from:end])
	n, ok := length(value)
	if !ok {
		return false
	}
	h.body, h.req.ContentLength = n, int64(n)
	h.req.Header[lengthName][0] = value
	h.last = append(h.last[:0], text...)
	h.digits.to = end
	return true
}

// fields reads the lines of the header, which begin at that place, and the
// empty line.
func (h *head) fields(text string, at int) bool {
	for {
		line, _, ok := strings.Cut(text[at:], "\r\n")
		if !ok {
			return false
		}
		if line == "" {
			return at+2 == len(text)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) || !isValue(value) {
			return false
		}
		from := at + len(name) + 1 + len(value) - len(strings.TrimLeft(value, " \t"))
		value = strings.Trim(value, " \t")
		key := textproto.CanonicalMIMEHeaderKey(name)
		if !h.field(key, value) {
			return false
		}
		if key == lengthName {
			h.digits = span{from, from + len(value)}
		}
		at += len(line) + 2
	}
}

// field takes one line of the header.
func (h *head) field(name, value string) bool {
	switch name {
	case "Host":
		if h.req.Host != "" || value == "" || strings.Trim(value, hostLetters) != "" {
			return false
		}
		h.req.Host = value // as net/http does, not in the header
		return true
	case lengthName:
		n, ok := length(value)
		if !ok || h.body >= 0 {
			return false
		}
		h.body = n
	case "Connection":
		if !strings.EqualFold(value, "keep-alive") {
			return false
		}
	case "Transfer-Encoding", "Expect", "Upgrade", "Trailer", "Pragma":
		return false
	}
	if list, ok := h.req.Header[name]; ok {
		h.req.Header[name] = append(list, value)
		return true
	}
	h.values = append(h.values, value)
	n := len(h.values)
	h.req.Header[name] = h.values[n-1 : n : n]
	return true
}

const hostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]"

func length(s string) (n int, ok bool) {
	if s == "" || len(s) > maxDigits {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}

// isToken says whether a field's name is one of letters, digits, '-' and '_',
// as names that are used are.
func isToken(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c|' ' < 'a' || c|' ' > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return name != ""
}

// isValue says whether a field's value has no control character but the tab.
func isValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
