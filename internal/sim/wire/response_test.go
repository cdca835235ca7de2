package wire

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// answers are what endpoints say, well and badly.
var answers = []struct {
	name, text string
	status     int    // 0: no answer
	body       string // as far as it is read
	reusable   bool
}{
	{"plain", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true},
	{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true},
	{"empty reason", "HTTP/1.1 500 \r\ncontent-length:0\r\n\r\n", 500, "", true},
	{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok", true},
	{"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
	{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n", 200, "ok0123456789", true},
	{"continue first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
	{"switching", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 101, "", false},
	{"until the end", "HTTP/1.1 200 OK\r\n\r\nall of it", 200, "all of it", false},
	{"close", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n", 200, "", false},
	{"old", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", false},
	{"old that stays", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 200, "", true},
	{"garbage after", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500", 200, "ok", false},
	{"both framings", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", false},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", 200, "o", false},
	{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true},
	{"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 200, "", false},
	{"another encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", 200, "x", false},
	{"a folded header", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", 200, "", false},
	{"a short body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 200, "ok", false},
	{"a broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, "", false},
	{"a long head", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 40<<10) + "\r\nContent-Length: 0\r\n\r\n", 200, "", true},
	{"an endless head", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", 0, "", false},
	{"only interim", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 50), 0, "", false},
	{"a torn head", "HTTP/1.1 200 OK\r\nContent-Le", 0, "", false},
	{"nothing", "", 0, "", false},
	{"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", 0, "", false},
	{"HTTP/2", "HTTP/2 200\r\n\r\n", 0, "", false},
	{"no status", "HTTP/1.1 OK\r\n\r\n", 0, "", false},
	{"a small status", "HTTP/1.1 099 X\r\n\r\n", 0, "", false},
}

func readAnswer(src io.Reader) (status int, body string, reusable bool) {
	var a answerReader
	a.reset(src)
	h, _, err := a.head()
	if err != nil {
		return 0, "", false
	}
	kept, reusable, _ := a.body(h, make([]byte, 0, 100))
	return h.status, string(kept), reusable
}

func TestAnswersAreRead(t *testing.T) {
	for _, tt := range answers {
		for how, src := range map[string]io.Reader{
			"at once":      strings.NewReader(tt.text),
			"byte by byte": iotest.OneByteReader(strings.NewReader(tt.text)),
		} {
			if tt.name == "garbage after" && how == "byte by byte" {
				continue // it cannot be seen yet; looking at the idle connection finds it
			}
			status, body, reusable := readAnswer(src)
			if status != tt.status || body != tt.body || reusable != tt.reusable {
				t.Errorf("%s, %s: %d %q reusable %v", tt.name, how, status, body, reusable)
			}
		}
	}
}

func TestALongBodyIsNotReadForever(t *testing.T) {
	zeros := bufio.NewReader(io.LimitReader(neverEnding('x'), 1<<40))
	src := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"), zeros)
	if status, body, reusable := readAnswer(src); status != 200 || len(body) != 100 || reusable {
		t.Errorf("%d, %d bytes, reusable %v", status, len(body), reusable)
	}
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// FuzzAnswer holds the reader to net/http's: wherever a connection is used
// again, net/http has read the same status and ended at the same place.
func FuzzAnswer(f *testing.F) {
	for _, a := range answers {
		if len(a.text) < 1<<10 {
			f.Add([]byte(a.text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		status, _, reusable := readAnswer(bytes.NewReader(text))
		if status != 0 && (status < 101 || status > 999) {
			t.Fatalf("status %d", status)
		}
		if !reusable {
			return
		}
		br := bufio.NewReader(bytes.NewReader(text))
		for {
			resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodPost})
			if err != nil {
				return // stricter than we are about headers that decide nothing
			}
			if resp.StatusCode < 200 {
				continue
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err == nil && (resp.StatusCode != status || br.Buffered() > 0 || resp.Close) {
				t.Fatalf("net/http reads status %d, leaves %d bytes, close %v", resp.StatusCode, br.Buffered(), resp.Close)
			}
			return
		}
	})
}
