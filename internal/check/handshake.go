package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
)

func isLoopback(host string) bool {
	_, ok := auth.Loopback(host)
	return ok
}

// dial connects to the endpoint; the deadline of a call holds for all that is
// done with the connection.
func (s *Settings) dial(ctx context.Context) (net.Conn, error) {
	deadline := time.Now().Add(s.Timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := s.Proxy.Tunnel(s.Dial)(ctx, "tcp", net.JoinHostPort(s.hostPort()))
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(deadline)
}

// WaitReady waits until the endpoint's host accepts connections, for d at most; see
// sim.WaitReady.
func (s *Settings) WaitReady(ctx context.Context, d time.Duration, waiting func(why error)) error {
	u, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	return sim.WaitReady(ctx, wire.TargetConfig{URL: u, Proxy: s.Proxy, Dial: s.Dial}, d, waiting)
}

// handshake connects with TLS, trusting whatever is shown, and hangs up.
func (s *Settings) handshake(ctx context.Context, conf *tls.Config) (*tls.ConnectionState, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conf = conf.Clone()
	conf.InsecureSkipVerify, conf.ServerName, conf.NextProtos = true, s.serverName(), []string{"http/1.1"} //nolint:gosec // verified apart
	if s.TLS != nil {
		conf.Certificates = s.TLS.Certificates
	}
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := secure.ConnectionState()
	return &state, nil
}

// verify verifies a certificate as a client does that trusts the run's roots.
func (s *Settings) verify(chain []*x509.Certificate) error {
	opts := x509.VerifyOptions{DNSName: s.serverName(), Intermediates: x509.NewCertPool()}
	if s.TLS != nil {
		opts.Roots = s.TLS.RootCAs
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(opts)
	return err
}

// offer offers one version of TLS that has to be refused. Go's client builds
// the hello; what counts is what the endpoint answers first.
func (s *Settings) offer(ctx context.Context, version uint16) Sub {
	sub := Sub{Name: tls.VersionName(version), Verdict: Inconclusive}
	conn, err := s.dial(ctx)
	if err != nil {
		sub.Actual = tlsText(err)
		return sub
	}
	defer conn.Close()
	heard := &listener{Conn: conn}
	conf := &tls.Config{MinVersion: version, MaxVersion: version, InsecureSkipVerify: true, ServerName: s.serverName()} //nolint:gosec // nothing is sent
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		conf.CipherSuites = append(conf.CipherSuites, suite.ID)
	}
	err = tls.Client(heard, conf).HandshakeContext(ctx)
	switch {
	case heard.wrote == 0:
		sub.Verdict, sub.Actual = Skip, "this build of relayctl cannot offer it: "+tlsText(err)
	case heard.hello() == version:
		sub.Verdict, sub.Actual = Fail, "the endpoint answers with a hello of that version"
	case heard.hello() != 0:
		sub.Actual = "the endpoint answers with another version than was offered"
	case heard.alert(), len(heard.first) == 0 && isHangUp(err):
		sub.Verdict = Pass
	default:
		sub.Actual = tlsText(err)
	}
	return sub
}

// listener keeps the first bytes that come, and counts what goes.
type listener struct {
	net.Conn
	first []byte
	wrote int
}

// helloLength is how much of an answer tells what it is.
const helloLength = 11

func (l *listener) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.first = append(l.first, b[:min(n, helloLength-len(l.first))]...)
	return n, err
}

func (l *listener) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b)
	l.wrote += n
	return n, err
}

// The parts of a TLS record that tell the answers apart (RFC 5246, 6.2 and 7.4).
const (
	recordAlert     = 21
	recordHandshake = 22
	serverHello     = 2
)

// hello is the version of the server's hello, 0 when there was none.
func (l *listener) hello() uint16 {
	if len(l.first) < helloLength || l.first[0] != recordHandshake || l.first[5] != serverHello {
		return 0
	}
	return uint16(l.first[9])<<8 | uint16(l.first[10])
}

func (l *listener) alert() bool { return len(l.first) > 0 && l.first[0] == recordAlert }

// isHangUp says whether the connection was closed by the endpoint.
func isHangUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isNetwork says whether an error says nothing about TLS.
func isNetwork(err error) bool {
	var ne net.Error
	var op *net.OpError
	return errors.As(err, &ne) && ne.Timeout() || errors.As(err, &op) && op.Op == "dial" || errors.Is(err, context.Canceled)
}

// tlsText words why there was no handshake.
func tlsText(err error) string {
	var record tls.RecordHeaderError
	var ne net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &record):
		return "the endpoint does not speak TLS on this port"
	case errors.As(err, &ne) && ne.Timeout():
		return "no answer within the deadline"
	case isHangUp(err):
		return "the endpoint closes the connection during the handshake"
	case errors.As(err, &op) && op.Op == "remote error":
		return fmt.Sprintf("the endpoint ends the handshake with an alert: %s", strings.TrimPrefix(op.Err.Error(), "tls: "))
	case errors.As(err, &op) && op.Err != nil:
		return op.Err.Error()
	}
	return err.Error()
}
