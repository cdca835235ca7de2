package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Failure says why an attempt brought no answer.
type Failure string

// The failures. A failed attempt is a result, not an error of relayctl.
const (
	NoFailure   Failure = ""
	Timeout     Failure = "timeout"     // no answer within the deadline (R-TIMEOUT)
	Connect     Failure = "connect"     // could not connect (R-CONNECT)
	TLS         Failure = "tls"         // the handshake failed, the certificate did not verify
	Cut         Failure = "cut"         // the connection ended without a whole answer
	TokenFailed Failure = "token"       // the token endpoint gave no token
	Interrupted Failure = "interrupted" // the run was ended while it was under way
)

// failure turns the error of a call into its Result. otherwise is the failure if no other
// fits.
func (t *Target) failure(ctx context.Context, err error, otherwise Failure) Result {
	switch {
	case ctx.Err() != nil:
		return Result{Failure: Interrupted, Detail: ErrEnded.Error()}
	case isTimeout(err):
		return Result{Failure: Timeout, Detail: "no answer within the deadline"}
	case errors.As(err, new(*ProxyError)):
	case remoteAlert(err) != "":
		return Result{Failure: TLS, Detail: t.Explain(err)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Result{Failure: otherwise, Detail: "the connection was closed without an answer"}
	case errors.Is(err, syscall.ECONNRESET):
		return Result{Failure: otherwise, Detail: "the connection was reset before an answer"}
	}
	return Result{Failure: otherwise, Detail: t.Explain(err)}
}

// handshakeFailure returns TLS if the endpoint refused the handshake or its certificate
// does not verify. It returns Connect if the connection was lost during the handshake, as
// when an endpoint restarts.
func (t *Target) handshakeFailure(ctx context.Context, err error) Result {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		a := t.failure(ctx, err, Connect)
		if a.Failure == Connect {
			a.Detail = "the connection was closed during the TLS handshake"
		}
		return a
	}
	return t.failure(ctx, err, TLS)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// The alerts by which an endpoint says what it expects of a client (RFC 8446, 6).
const (
	badCertificate        = tls.AlertError(42)
	unknownAuthority      = tls.AlertError(48)
	certificateRequired   = tls.AlertError(116)
	noApplicationProtocol = tls.AlertError(120)
)

// remoteAlert gives the text of the alert by which the endpoint ended TLS, "" for
// none. The type of such errors is not exported; their texts are those of
// tls.AlertError.
func remoteAlert(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" && op.Err != nil {
		return op.Err.Error()
	}
	return ""
}

// Explain says in words what an error means, with what to do where that is known.
func (t *Target) Explain(err error) string {
	text, advice := t.explain(err)
	if advice != "" {
		text += " (" + advice + ")"
	}
	return text
}

func (t *Target) explain(err error) (text, advice string) {
	var proxy *ProxyError
	switch {
	case errors.As(err, &proxy) && proxy.asks():
		return proxy.Error(), t.advice.Proxy
	case errors.As(err, &proxy) && proxy.Err != nil:
		return "the proxy " + proxy.Addr + ": " + cause(proxy.Err), ""
	case errors.As(err, &proxy):
		return proxy.Error(), ""
	}
	switch alert := remoteAlert(err); alert {
	case noApplicationProtocol.Error():
		return "the endpoint does not take HTTP/1.1 over TLS, by which it is called; it takes only another protocol, such as HTTP/2", ""
	case certificateRequired.Error():
		return "the endpoint asks for a certificate of the client", t.advice.ClientCert
	case badCertificate.Error(), unknownAuthority.Error():
		return "the endpoint does not take the certificate of the client, or the lack of one: " + alert, t.advice.ClientCert
	}
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, new(tls.RecordHeaderError)) && t.tls != nil:
		return cause(err), "did you mean " + t.Instead() + "?"
	case errors.As(err, &unknown) && unknown.Cert != nil && unknown.Cert.Issuer.CommonName == "relayctl local CA":
		return "the certificate is from the local CA of relayctl listen", t.advice.LocalCA
	case errors.As(err, &unknown):
		return "the certificate is signed by an unknown authority", t.advice.UnknownCA
	case errors.As(err, &host) && host.Certificate != nil:
		return otherName(host), t.advice.OtherName
	}
	return cause(err), ""
}

// cause says in words what an error means.
func cause(err error) string {
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return expired(invalid.Cert)
	case errors.As(err, &invalid):
		return strings.TrimPrefix(invalid.Error(), "x509: ")
	case errors.As(err, &record):
		return "the endpoint does not speak TLS on this port"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the host name " + dns.Name + " is not known"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

// mostNames is how many names of a certificate are told.
const mostNames = 5

// otherName words the error of a certificate that is not for the host that was called,
// with the names that it is for.
func otherName(err x509.HostnameError) string {
	names := slices.Clone(err.Certificate.DNSNames)
	for _, ip := range err.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	switch more := len(names) - mostNames; {
	case len(names) == 0:
		return "the certificate is not for " + err.Host + ": it has no subject alternative name, and callers read no other"
	case more > 0:
		names = append(names[:mostNames], fmt.Sprintf("%d more", more))
	}
	return "the certificate is not for " + err.Host + ", only for " + strings.Join(names, ", ")
}

func expired(cert *x509.Certificate) string {
	if cert == nil {
		return "the certificate is not valid at this time"
	}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	return "the certificate is valid from " + day(cert.NotBefore) + " to " + day(cert.NotAfter) + " only"
}
