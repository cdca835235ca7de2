package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"relayctl/internal/auth"
)

// TargetConfig says where calls go. The zero value of a field is none.
type TargetConfig struct {
	URL     *url.URL      // http or https
	Headers []auth.Header // of every call
	TLS     *tls.Config   // trust and client certificate for https
	Proxy   *Proxy
	Dial    Dial // replaces the network
	Advice  Advice
}

// Advice says what to do about failures, in the caller's own words, such as the names of
// flags. It is added to the cause.
type Advice struct {
	LocalCA     string // the certificate is from the local CA of listen
	UnknownCA   string // the certificate is signed by an unknown authority
	OtherName   string // the certificate is for another host
	ClientCert  string // the endpoint asks for a certificate
	Proxy       string // the proxy asks for credentials
	Credentials string // for an endpoint that asks for some where none are configured
	Anonymous   string // what configures some, "" where some are
}

// Target is where calls go. It does not change, so it is safe for concurrent use.
type Target struct {
	addr   string // host:port
	host   string // of the Host header
	path   string
	tls    *tls.Config
	head   []byte // the usual call's head up to the headers that vary
	own    []auth.Header
	proxy  *Proxy // that reads the requests: of an http endpoint
	behind bool   // a proxy
	dial   Dial
	advice Advice
}

// NewTarget returns the target of that configuration.
func NewTarget(c TargetConfig) *Target {
	u := c.URL
	t := &Target{addr: hostPort(u), host: u.Host, path: u.RequestURI(), own: c.Headers, dial: c.Proxy.Tunnel(c.Dial), behind: c.Proxy != nil, advice: c.Advice}
	if addr, local := auth.Loopback(u.Hostname()); local {
		_, port, _ := net.SplitHostPort(t.addr)
		t.addr = net.JoinHostPort(addr, port)
	}
	switch {
	case u.Scheme == "https":
		t.tls = clientTLS(c.TLS, u.Hostname())
	case c.Proxy != nil:
		direct := (*Proxy)(nil).Tunnel(c.Dial)
		t.proxy, t.addr, t.path = c.Proxy, c.Proxy.addr, "http://"+u.Host+t.path
		t.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Proxy.to(ctx, direct) }
	}
	t.head = t.appendHead(nil, http.MethodPost, "application/json")
	return t
}

// clientTLS completes the caller's trust with what every call needs.
func clientTLS(given *tls.Config, host string) *tls.Config {
	conf := given.Clone()
	if conf == nil {
		conf = &tls.Config{}
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12) // R-HTTPS
	conf.NextProtos = []string{"http/1.1"}
	if conf.ServerName == "" {
		conf.ServerName = host
	}
	if conf.ClientSessionCache == nil {
		conf.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	// An event fits one record; small records at first would make it two writes.
	conf.DynamicRecordSizingDisabled = true
	return conf
}

// Reach connects once, through the proxy where there is one, and hangs up. Of an
// http endpoint behind a proxy it says only that the proxy is there.
func (t *Target) Reach(ctx context.Context) error {
	conn, err := t.dial(ctx, "tcp", t.addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Greet connects once as a call does, with TLS, within d, and hangs up. The Result has no
// status; without a Failure the endpoint can be called.
func (t *Target) Greet(ctx context.Context, d time.Duration) Result {
	c := NewClient(t)
	defer c.Close()
	return c.connect(ctx, time.Now().Add(d))
}

// SpeaksTLS connects once, within d, and says whether the port of an http endpoint
// completes a TLS handshake, whatever its certificate.
func (t *Target) SpeaksTLS(ctx context.Context, d time.Duration) bool {
	if !t.Plain() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	conn, err := t.dial(ctx, "tcp", t.addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	// Nothing is sent over it: what its certificate says does not matter.
	err = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) //nolint:gosec // see above
	return err == nil || remoteAlert(err) != ""
}

// Plain says whether calls reach the endpoint itself, without TLS.
func (t *Target) Plain() bool { return t.tls == nil && t.proxy == nil }

// Behind says whether a proxy stands before the endpoint.
func (t *Target) Behind() bool { return t.behind }

// Instead is the endpoint's URL with the other scheme, without its query, which may
// hold a secret.
func (t *Target) Instead() string {
	path, _, _ := strings.Cut(t.path, "?")
	if t.tls != nil {
		return "http://" + t.host + path
	}
	return "https://" + t.host + path
}

// Addr is where a connection goes, as host:port.
func (t *Target) Addr() string { return t.addr }

func (t *Target) appendHead(b []byte, method, contentType string) []byte {
	b = fmt.Appendf(b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: relayctl\r\n", method, t.path, t.host)
	if t.proxy != nil && t.proxy.authorization != "" {
		b = fmt.Appendf(b, "Proxy-Authorization: %s\r\n", t.proxy.authorization)
	}
	if contentType != "-" {
		b = fmt.Appendf(b, "Content-Type: %s\r\n", contentType)
	}
	return appendHeaders(b, t.own)
}

func appendHeaders(b []byte, headers []auth.Header) []byte {
	for _, h := range headers {
		b = append(b, h.Name...)
		b = append(b, ": "...)
		b = append(b, h.Value...)
		b = append(b, "\r\n"...)
	}
	return b
}
