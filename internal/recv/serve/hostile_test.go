package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever sends heads byte by byte, on however many connections, keeps nobody out.
func TestHalfHeadsMakeRoom(t *testing.T) {
	for _, part := range []string{"P", "G", "POST / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"} {
		s, _ := start(t, Config{})
		for range 2 * s.cfg.MaxConns {
			_, _ = io.WriteString(dial(t, s.Addr()), part) // it may have made room already
		}
		if got := said(t, dial(t, s.Addr()), lastCall); !strings.Contains(got, "202") {
			t.Errorf("after many times %q: %q", part, got)
		}
	}
}

// Nobody waits for the rest of a head when the server ends.
func TestShutdownDoesNotWaitForHalfAHead(t *testing.T) {
	for _, part := range []string{"P", "G"} {
		given := make(chan struct{}, 1)
		cfg := Config{FreshTimeout: time.Millisecond}
		s, _ := startWith(t, listen(t), cfg, func(s *Server) {
			s.rest.ConnState = func(c net.Conn, state http.ConnState) {
				noteState(c, state)
				if state == http.StateNew {
					given <- struct{}{}
				}
			}
		})
		_, _ = io.WriteString(dial(t, s.Addr()), part)
		if part == "G" {
			<-given
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("after %q: %v", part, err)
		}
		cancel()
	}
}

// belated is a listener that has accepted a connection when it is closed.
type belated struct {
	net.Listener
	closed chan struct{}
	conns  chan net.Conn
}

func (b *belated) Accept() (net.Conn, error) {
	<-b.closed
	if c, ok := <-b.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (b *belated) Close() error {
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	return nil
}

// A connection that comes with the end is not left open.
func TestAcceptedAtTheEnd(t *testing.T) {
	for name, end := range map[string]func(*Server) error{
		"close":    (*Server).Close,
		"shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			l := &belated{make(pipes), make(chan struct{}), make(chan net.Conn)}
			s, _ := startOn(t, l, Config{})
			if err := end(s); err != nil {
				t.Error(err)
			}
			l.conns <- there
			close(l.conns)
			begin := time.Now()
			_, _ = io.ReadAll(here)
			if took := time.Since(begin); took > 0 {
				t.Errorf("%s: it was closed after %s", name, took)
			}
		})
	}
}

// pipes is a listener whose connections a test makes itself.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	defer func() { _ = recover() }() // closed already
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// However long a body may take, the time for the answer begins after it.
func TestSlowBodyIsAnswered(t *testing.T) {
	for name, head := range map[string]string{
		"loop":     "POST /close HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n",
		"net/http": "POST /close HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX: " + strings.Repeat("x", headBuffer) + "\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			l := make(pipes)
			startOn(t, l, Config{ReadTimeout: time.Hour, WriteTimeout: time.Second})
			c, other := net.Pipe()
			l <- other
			go func() {
				fmt.Fprint(c, head)
				time.Sleep(time.Minute)
				fmt.Fprint(c, "abc")
			}()
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || resp.StatusCode != 202 {
				t.Errorf("%s: %v %v", name, resp, err)
			}
			_ = c.Close()
		})
	}
}

// To be told that the port speaks TLS must not end in a reset, which may
// overtake what was told.
func TestInClearIsAnsweredWhole(t *testing.T) {
	server, _ := tlsConfig(t)
	s, _ := start(t, Config{TLS: server})
	c := dial(t, s.Addr())
	go func() {
		_, _ = io.WriteString(c, strings.Replace(plainHead, " 12", " 9000", 1)+strings.Repeat("x", 9000))
	}()
	got, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(got), "https://") {
		t.Errorf("%q, %v", got, err)
	}
}

// What the requests on a few connections of HTTP/2 hold is bounded as if each had
// a connection of its own.
func TestStreamsAreBounded(t *testing.T) {
	server, client := tlsConfig(t)
	entered, release := make(chan struct{}), make(chan struct{})
	s, _ := start(t, Config{TLS: server, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	})})
	tr := &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	post := func() error {
		resp, err := (&http.Client{Transport: tr}).Post("https://"+s.Addr().String(), "text/plain", strings.NewReader("abc"))
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	ended := make(chan error)
	for range s.cfg.MaxConns {
		go func() { ended <- post() }()
		<-entered
	}
	go func() { ended <- post() }()
	select {
	case <-entered:
		t.Error("one too many was let in")
	case err := <-ended:
		if err == nil {
			t.Error("one too many was answered")
		}
	}
	close(release)
	for range s.cfg.MaxConns {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	go func() { <-entered }()
	if err := post(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
