package sim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// failure classifies an error; otherwise is what it is when it is nothing more
// special.
func failure(ctx context.Context, err error, otherwise Failure) Answer {
	switch {
	case ctx.Err() != nil:
		return Answer{Failure: Interrupted, Detail: errKilled.Error()}
	case isTimeout(err):
		return Answer{Failure: Timeout, Detail: "no answer within the deadline"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Answer{Failure: otherwise, Detail: "the connection was closed without an answer"}
	}
	return Answer{Failure: otherwise, Detail: explain(err)}
}

// handshakeFailure tells an endpoint that does not want to, or must not be
// believed, from one that went away in the middle, as a restarting one does.
func handshakeFailure(ctx context.Context, err error) Answer {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		a := failure(ctx, err, Connect)
		if a.Failure == Connect {
			a.Detail = "the connection was closed during the TLS handshake"
		}
		return a
	}
	return failure(ctx, err, TLS)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// explain words an error for people, with what to do where that is known.
func explain(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown) && unknown.Cert != nil && unknown.Cert.Issuer.CommonName == "relayctl local CA":
		return "the certificate is from the local CA of relayctl listen: --cacert with the CA file that listen names trusts it"
	case errors.As(err, &unknown):
		return "the certificate is signed by an unknown authority (--cacert FILE trusts one, --insecure any)"
	case errors.As(err, &host):
		return host.Error()
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return expired(invalid.Cert)
	case errors.As(err, &invalid):
		return invalid.Error()
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

func expired(cert *x509.Certificate) string {
	if cert == nil {
		return "the certificate is not valid at this time"
	}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	return "the certificate is valid from " + day(cert.NotBefore) + " to " + day(cert.NotAfter) + " only"
}
