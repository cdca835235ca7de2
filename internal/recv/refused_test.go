package recv

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"relayctl/internal/recv/judge"
)

// call is a request that a receiver takes, with its body.
func call(body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// What HTTP itself refuses is shown and counted like any other request, with and
// without TLS. Those who observe and those who watch must not share what they are
// told (a race).
func TestRefusedByHTTPIsShown(t *testing.T) {
	t.Parallel()
	for _, mode := range []TLSMode{TLSOff, TLSAuto} {
		var watched atomic.Int64
		b := start(t, Config{TLS: mode, Watch: func(x judge.Exchange) { watched.Add(int64(len(x.Receipts))) }})
		n := 0
		for text, want := range map[string]struct {
			status int
			why    string
		}{
			"POST / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 2*maxHeaderBytes) + "\r\n\r\n":                 {431, "Request Header Fields Too Large"},
			"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n":                                                           {400, "Bad Request: missing required Host header"},
			"POST / HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 1\r\n\r\na":                          {417, "Expectation Failed"},
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n":                                          {501, "Not Implemented"},
			"POST / HTTP/3.0\r\nHost: x\r\n\r\n":                                                                     {505, "HTTP Version Not Supported: unsupported protocol version"},
			"\x00garbage\r\n\r\n":                                                                                    {400, "Bad Request"},
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                                       {505, noPriorKnowledge},
			call(delivered("1")) + "\x00garbage\r\n\r\n":                                                             {400, "Bad Request"},
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 1\r\n\r\naGET / HTTP/1.1\r\n\r\n": {400, "Bad Request: missing required Host header"},
		} {
			c := io.ReadWriteCloser(b.dial())
			if mode == TLSAuto {
				var err error
				if c, err = tls.Dial("tcp", b.conns.Addr().String(), &tls.Config{RootCAs: b.CertPool(), ServerName: "localhost"}); err != nil {
					t.Fatal(err)
				}
			}
			go func() { _, _ = io.WriteString(c, text) }()
			answered, _ := io.ReadAll(c) // too large a header may end in a reset
			c.Close()
			if n += strings.Count(text, "HTTP/1.1\r\nHost: x\r\nContent-Type"); !strings.Contains(string(answered), fmt.Sprint(want.status)) && want.status != 431 {
				t.Errorf("%.50q over TLS %s: answered %q", text, mode, answered)
			}
			n++
			rc := b.received(n)[n-1]
			if rc.Status != want.status || rc.Answer != "from "+rc.Remote+": "+want.why || !strings.HasPrefix(rc.Remote, "127.0.0.1:") {
				t.Errorf("%.50q over TLS %s: receipt %+v", text, mode, rc)
			}
		}
		if s := b.Summary(); s.Requests != uint64(n) || s.ByStatus[431] != 1 || s.ByStatus[417] != 1 {
			t.Errorf("%d requests, by status %v", s.Requests, s.ByStatus)
		}
		b.stop()
		if int(watched.Load()) != n {
			t.Errorf("watched %d of %d", watched.Load(), n)
		}
	}
}

// A handshake may have no end of a line, for which HTTP would wait.
func TestTLSOnAPlainPortIsShownAtOnce(t *testing.T) {
	b := start(t, Config{TLS: TLSOff})
	if got := b.raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("A", 600)); got != 400 {
		t.Errorf("answered %d", got)
	}
	if rc := b.received(1)[0]; rc.Status != 400 || !strings.Contains(rc.Answer, tlsOnPlain) {
		t.Errorf("receipt %+v", rc)
	}
}

// To be told that the port speaks TLS must not end in a reset, which may overtake
// what was told.
func TestInClearIsAnsweredWhole(t *testing.T) {
	b := start(t, Config{TLS: TLSAuto})
	c := b.dial()
	go func() { _, _ = io.WriteString(c, call(strings.Repeat("x", 9000))) }()
	got, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(got), "https://") {
		t.Errorf("%q, %v", got, err)
	}
	if rc := b.received(1)[0]; rc.Status != 400 || !strings.Contains(rc.Answer, plainOnTLS) {
		t.Errorf("receipt %+v", rc)
	}
}

// Old clients end a body with a line break that belongs to no request (RFC 9112,
// section 2.2).
func TestStrayLineBreakLosesNoEvent(t *testing.T) {
	b := start(t, Config{})
	c := b.dial()
	text := call(delivered("1")) + "\r\n" + call(delivered("2")) + "\r\n" + call(delivered("3"))
	go func() { _, _ = io.WriteString(c, text) }()
	for i, rc := range b.received(3) {
		if rc.Status != http.StatusOK || rc.Event.ID != fmt.Sprint(i+1) {
			t.Errorf("receipt %+v", rc)
		}
	}
}
