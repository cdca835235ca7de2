package serve

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seen is what a handler can see of a request's head.
type seen struct {
	Method, Target, Path, Query, Proto, Host string
	Major, Minor                             int
	Length                                   int64
	Header                                   http.Header
	Coded                                    []string
	Close                                    bool
}

func see(r *http.Request) seen {
	return seen{r.Method, r.RequestURI, r.URL.Path, r.URL.RawQuery, r.Proto, r.Host, r.ProtoMajor, r.ProtoMinor, r.ContentLength, r.Header, r.TransferEncoding, r.Close}
}

const plainHead = "POST /hook?a=b HTTP/1.1\r\nHost: localhost:8443\r\nContent-Type: application/json\r\nContent-Length: 12\r\nX-A: 1\r\n\r\n"

// heads are requests' heads, those first that the loop takes itself.
func heads() (plain, other []string) {
	with := func(old, by string) string { return strings.Replace(plainHead, old, by, 1) }
	plain = []string{
		plainHead,
		with("12", "0"), with("12", "007"), with("12", "65536"),
		with("/hook?a=b", "/"), with("/hook?a=b", "/a%20b?x=%zz&y"), with("/hook?a=b", "//x"), with("/hook?a=b", "/a#b"),
		with("localhost:8443", "[::1]:80"),
		with("Content-Length", "content-length"), with("Content-Length: 12", "Content-Length:\t 12 \t"),
		with("X-A: 1", "x-a:"), with("X-A: 1", "X-A: 1\r\nx-a: 2\r\nX-a:3"), with("X-A: 1", "X-A: \xe9\xff"), with("X-A: 1", "X_b: a\tb"),
		with("X-A: 1", "Connection: keep-alive"),
	}
	other = []string{
		"", "\r\n\r\n", "POST /\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n",
		with("POST", "GET"), with("POST", "post"), with("HTTP/1.1", "HTTP/1.0"), with("HTTP/1.1", "HTTP/2.0"), with("HTTP/1.1", "http/1.1"), with("HTTP/1.1", " HTTP/1.1"),
		with("/hook", "*"), with("/hook", "http://x/"), with("/hook", "/%zz"), with("/hook", "/ü"), with("/hook", "/a b"),
		with("Host: localhost:8443\r\n", ""), with("localhost:8443", ""), with("localhost:8443", "a b"), with("localhost:8443", "a/b"), with("X-A: 1", "Host: x"),
		with("Content-Length: 12\r\n", ""), with("12", ""), with("12", "-1"), with("12", "+1"), with("12", "1e3"), with("12", "1 2"), with("12", "18446744073709551616"),
		with("X-A: 1", "Content-Length: 12"), with("X-A: 1", "Content-Length: 13"),
		with("X-A: 1", "Transfer-Encoding: chunked"), with("X-A: 1", "Expect: 100-continue"), with("X-A: 1", "Upgrade: h2c"), with("X-A: 1", "Connection: close"),
		with("X-A: 1", "Connection: upgrade"), with("X-A: 1", "Trailer: X"), with("X-A: 1", "Pragma: no-cache"),
		with("X-A: 1", "X-A 1"), with("X-A: 1", "X-A : 1"), with("X-A: 1", " X-A: 1"), with("X-A: 1", ": 1"), with("X-A: 1", "X-A: 1\r\n folded"),
		with("X-A: 1", "X-A: \x00"), with("X-A: 1", "X-A: \x7f"), with("X-A: 1", "X-A: a\rb"), with("X-A: 1", "X-A: a\nX-B: b"), with("X-A: 1", "X(A): b"),
	}
	return plain, other
}

func TestPlainHeads(t *testing.T) {
	plain, other := heads()
	for _, text := range plain {
		if h := (&head{}); !h.parse([]byte(text)) {
			t.Errorf("not taken: %q", text)
		}
		agrees(t, &head{}, text)
	}
	for _, text := range other {
		if h := (&head{}); h.parse([]byte(text)) {
			t.Errorf("taken: %q", text)
		}
	}
}

// agrees checks that a head that is taken is what net/http makes of it.
func agrees(t *testing.T, h *head, text string) {
	t.Helper()
	if !h.parse([]byte(text)) {
		return
	}
	want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%q was taken, and net/http says %v", text, err)
	}
	if diff := cmp.Diff(see(want), see(&h.req)); diff != "" {
		t.Errorf("%q (-net/http +loop)\n%s", text, diff)
	}
	if int64(h.body) != want.ContentLength {
		t.Errorf("%q: a body of %d", text, h.body)
	}
}

// What a head says does not depend on the one before it.
func TestHeadAfterHead(t *testing.T) {
	plain, other := heads()
	for _, first := range append(plain, other...) {
		for _, then := range plain {
			h := &head{}
			h.parse([]byte(first))
			if !h.parse([]byte(then)) {
				t.Fatalf("not taken after %q: %q", first, then)
			}
			agrees(t, h, then)
			agrees(t, h, strings.Replace(then, ": 12\r", ": 345\r", 1))
			agrees(t, h, then)
		}
		for _, then := range other {
			h := &head{}
			h.parse([]byte(first))
			if h.parse([]byte(then)) {
				t.Fatalf("taken after %q: %q", first, then)
			}
		}
	}
}

func FuzzHead(f *testing.F) {
	plain, other := heads()
	for _, text := range append(plain, other...) {
		f.Add(plainHead, text)
		f.Add(text, plainHead)
	}
	f.Fuzz(func(t *testing.T, first, then string) {
		h := &head{}
		agrees(t, h, first)
		agrees(t, h, then)
		agrees(t, h, first)
	})
}

func BenchmarkHead(b *testing.B) {
	var h head
	b.ReportAllocs()
	for i := range b.N {
		if !h.parse(fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: localhost:8443\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", 700+i%100)) {
			b.Fatal("not taken")
		}
	}
}
