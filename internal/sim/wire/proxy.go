package wire

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Dial makes a connection.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Proxy is an HTTP proxy on the way to an endpoint: it is asked for a tunnel
// (CONNECT) to an https endpoint, and for the whole URL of an http one. Safe for
// concurrent use; with a nil Proxy calls go straight to the endpoint.
type Proxy struct {
	addr          string // host:port
	tls           *tls.Config
	authorization string // "" for no credentials
}

// NewProxy returns the proxy at an http or https URL, whose user name and password are
// sent to it. conf says whom to trust if the proxy itself is called over https; nil trusts
// the system's authorities.
func NewProxy(u *url.URL, conf *tls.Config) (*Proxy, error) {
	p := &Proxy{addr: hostPort(u)}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("a proxy of the kind %q is not supported; its URL begins with http:// or https://", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the proxy's URL names no host")
	}
	if u.Scheme == "https" {
		p.tls = clientTLS(conf, u.Hostname())
	}
	if u.User != nil {
		password, _ := u.User.Password()
		p.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return p, nil
}

// hostPort is where a URL's server is.
func hostPort(u *url.URL) string {
	host := u.Hostname()
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(host, port)
}

// ProxyError says that a proxy made no connection to the endpoint.
type ProxyError struct {
	Addr   string
	Status int   // what it answered, 0 for nothing
	Known  bool  // it was given credentials
	Err    error // why it did not answer
}

// Error implements error.
func (e *ProxyError) Error() string {
	switch {
	case e.asks() && e.Known:
		return fmt.Sprintf("the proxy %s does not take the credentials (%d)", e.Addr, e.Status)
	case e.asks():
		return fmt.Sprintf("the proxy %s asks for credentials (%d)", e.Addr, e.Status)
	case e.Status != 0:
		return fmt.Sprintf("the proxy %s makes no connection to the endpoint: it answered %d %s", e.Addr, e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("the proxy %s: %v", e.Addr, e.Err)
}

// asks says whether the proxy asks for credentials; some answer 401 to wrong ones.
func (e *ProxyError) asks() bool {
	return e.Status == http.StatusProxyAuthRequired || e.Status == http.StatusUnauthorized
}

// Unwrap gives the cause.
func (e *ProxyError) Unwrap() error { return e.Err }

// to connects to the proxy itself.
func (p *Proxy) to(ctx context.Context, dial Dial) (net.Conn, error) {
	conn, err := dial(ctx, "tcp", p.addr)
	if err != nil {
		return nil, &ProxyError{Addr: p.addr, Err: err}
	}
	if p.tls == nil {
		return conn, nil
	}
	secure := tls.Client(conn, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &ProxyError{Addr: p.addr, Err: err}
	}
	return secure, nil
}

// Tunnel returns a Dial that connects through the proxy. base connects to the proxy
// itself; nil stands for the network. For a nil Proxy, Tunnel returns base.
func (p *Proxy) Tunnel(base Dial) Dial {
	if base == nil {
		base = (&net.Dialer{}).DialContext
	}
	if p == nil {
		return base
	}
	return func(ctx context.Context, _, addr string) (net.Conn, error) {
		conn, err := p.to(ctx, base)
		if err != nil {
			return nil, err
		}
		if err := p.ask(ctx, conn, addr); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	}
}

// ask asks the proxy for a tunnel.
func (p *Proxy) ask(ctx context.Context, conn net.Conn, addr string) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // an error means a closed connection, which shows below
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: relayctl\r\n"
	if p.authorization != "" {
		request += "Proxy-Authorization: " + p.authorization + "\r\n"
	}
	_, werr := conn.Write([]byte(request + "\r\n"))
	br := bufio.NewReaderSize(conn, 4<<10)
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return &ProxyError{Addr: p.addr, Err: cmp.Or(werr, err)}
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return &ProxyError{Addr: p.addr, Status: resp.StatusCode, Known: p.authorization != ""}
	case br.Buffered() > 0:
		return &ProxyError{Addr: p.addr, Err: errors.New("something was sent before TLS began")}
	case !stop():
		return ctx.Err()
	}
	return conn.SetDeadline(time.Time{})
}
