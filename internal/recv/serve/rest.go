package serve

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// handedOver is the listener through which net/http gets its connections.
type handedOver struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// add hands a connection over, or closes it where the server has ended.
func (h *handedOver) add(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close()
	}
}

// Accept waits for the next connection.
func (h *handedOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handedOver) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr is that of the real listener.
func (h *handedOver) Addr() net.Addr { return h.addr }

// handed is a connection of which something was read already.
type handed struct {
	net.Conn
	tls  *tls.ConnectionState // nil without TLS
	read []byte
}

// Read gives first what was read already.
func (h *handed) Read(p []byte) (int, error) {
	if len(h.read) > 0 {
		n := copy(p, h.read)
		h.read = h.read[n:]
		return n, nil
	}
	h.read = nil
	return h.Conn.Read(p)
}

// CloseWrite tells the caller that nothing more comes.
func (h *handed) CloseWrite() error { return closeWrite(h.Conn) }

type tlsKey struct{}

// withTLSState keeps the state that net/http does not see behind a handed.
func withTLSState(ctx context.Context, c net.Conn) context.Context {
	if h, ok := c.(*handed); ok && h.tls != nil {
		return context.WithValue(ctx, tlsKey{}, h.tls)
	}
	return ctx
}

func (s *Server) serveRest(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		defer s.streams.Add(-1)
		if s.streams.Add(1) > int64(s.cfg.MaxConns) {
			// With hundreds on a connection, what they hold would have no bound.
			panic(http.ErrAbortHandler)
		}
	}
	if state, ok := r.Context().Value(tlsKey{}).(*tls.ConnectionState); ok {
		r.TLS = state
	}
	s.cfg.Handler.ServeHTTP(w, r)
}
