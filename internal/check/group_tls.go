package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// anyObstacle lists all obstacles: a check of the transport runs despite each.
func anyObstacle() []Obstacle { return []Obstacle{TLSFails, NoAnswer, NotAccepted, NoToken} }

// tlsChecks is the group "tls".
func tlsChecks() []Check {
	return []Check{tlsHTTPS(), tlsMinVersion(), tlsModern(), tlsCertificate(), tlsExpiry()}
}

func tlsHTTPS() Check {
	return Check{
		ID: "tls.https", Level: Must, Clause: "R-HTTPS", Despite: anyObstacle(),
		Title: "the endpoint's URL is https",
		Why:   "Relay never calls plain http: the events would not come at all",
		How:   "looks at the URL; plain http to this machine is allowed, for development",
		Fix:   "serve the endpoint over TLS, in the application or in a proxy before it, and configure the https URL",
		Run: func(_ context.Context, t *Trial) Result {
			u, err := url.Parse(t.URL)
			switch {
			case err == nil && strings.EqualFold(u.Scheme, "https"):
				return Passed()
			case err == nil && isLoopback(u.Hostname()):
				return Skipped("plain http to this machine, for development")
			}
			return Failed("a URL that begins with https://", "plain http", nil)
		},
	}
}

func tlsMinVersion() Check {
	return Check{
		ID: "tls.min-version", Level: Must, Clause: "R-HTTPS", Needs: []Need{NeedHTTPS}, Despite: anyObstacle(),
		Title: "TLS 1.0 and 1.1 are refused",
		Why:   "both are broken and forbidden by every security standard; an endpoint that takes them lets an attacker talk the connection down",
		How:   "offers TLS 1.0 alone, then 1.1 alone, each with every cipher suite there is; an alert or a hang-up is a refusal, a server's hello in that version is not",
		Fix:   "set the least version to TLS 1.2 where TLS ends: in the application, the proxy or the load balancer (nginx: ssl_protocols TLSv1.2 TLSv1.3)",
		Run:   runMinVersion,
	}
}

func runMinVersion(ctx context.Context, t *Trial) Result {
	var subs []Sub
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		sub := t.offer(ctx, v)
		if sub.Verdict == Fail {
			sub.Repeat = repeatHandshake(t, Handshake{Version: v})
		}
		subs = append(subs, sub)
	}
	r := sum("an alert or a closed connection", subs)
	if r.Verdict == Pass {
		if _, err := t.handshake(ctx, &tls.Config{MinVersion: tls.VersionTLS12}); err != nil {
			return BlockedBy("no TLS 1.2 handshake either, so that a refusal says nothing: " + tlsText(err))
		}
	}
	return r
}

// repeatHandshake is the repeat of a handshake with the endpoint.
func repeatHandshake(t *Trial, h Handshake) *Repeat {
	h.Host, h.Port = t.hostPort()
	return &Repeat{Handshake: &h}
}

// tlsModern is also the control of the other checks of the group.
func tlsModern() Check {
	return Check{
		ID: "tls.modern", Level: Must, Clause: "R-HTTPS", Needs: []Need{NeedHTTPS}, Despite: anyObstacle(),
		Title: "TLS 1.2 or 1.3 is spoken",
		Why:   "Relay speaks TLS 1.2 or newer and nothing else",
		How:   "makes a handshake with TLS 1.2 and 1.3 on offer; tls.certificate looks at the certificate",
		Fix:   "enable TLS 1.2 and 1.3 where TLS ends, and look for a certificate and key that do not belong together",
		Run: func(ctx context.Context, t *Trial) Result {
			_, err := t.handshake(ctx, &tls.Config{MinVersion: tls.VersionTLS12})
			switch {
			case err == nil:
				return Passed()
			case isNetwork(err):
				return Unclear(tlsText(err))
			}
			return Failed("a handshake with TLS 1.2 or 1.3", tlsText(err), repeatHandshake(t, Handshake{}))
		},
	}
}

func tlsCertificate() Check {
	return Check{
		ID: "tls.certificate", Level: Must, Clause: "R-HTTPS", Needs: []Need{NeedHTTPS}, Despite: anyObstacle(),
		Title: "the certificate verifies: chain, name and dates",
		Why:   "a sender that checks certificates hangs up before it has sent anything, and every event is lost",
		How:   "verifies what the endpoint shows against the system's authorities, or those of the configured file, also where any certificate is trusted",
		Fix:   "install a certificate for this host name together with its intermediate certificates, and renew it by itself",
		Run: withCertificates(func(t *Trial, chain []*x509.Certificate) Result {
			if err := t.verify(chain); err != nil {
				return Failed("a certificate that the system's authorities, or those of the configured file, vouch for", certificateText(err, chain), repeatHandshake(t, Handshake{Verify: true}))
			}
			return Passed()
		}),
	}
}

// withCertificates runs look with the certificates that the endpoint shows, its
// own first. Without a handshake the check is blocked.
func withCertificates(look func(*Trial, []*x509.Certificate) Result) func(context.Context, *Trial) Result {
	return func(ctx context.Context, t *Trial) Result {
		shown, err := t.handshake(ctx, &tls.Config{MinVersion: tls.VersionTLS12})
		if err != nil {
			return BlockedBy("no TLS 1.2 handshake: " + tlsText(err))
		}
		return look(t, shown.PeerCertificates)
	}
}

// leastValidity is how long a certificate should still be valid.
const leastValidity = 14 * 24 * time.Hour

func tlsExpiry() Check {
	return Check{
		ID: "tls.expiry", Level: Should, Clause: "R-HTTPS", Needs: []Need{NeedHTTPS}, Despite: anyObstacle(),
		Title: "the certificate is valid for more than 14 days",
		Why:   "on the day after its end every event is lost; two weeks are what it takes to mend a renewal that fails",
		How:   "looks at the end of the certificate that the endpoint shows",
		Fix:   "renew the certificate, let it be renewed by itself, and watch its end",
		Run: withCertificates(func(t *Trial, chain []*x509.Certificate) Result {
			end := chain[0].NotAfter
			if left := time.Until(end); left <= leastValidity {
				return Failed("more than 14 days left", endText(end, left), repeatHandshake(t, Handshake{Dates: true}))
			}
			return Passed()
		}),
	}
}

func endText(end time.Time, left time.Duration) string {
	day := end.UTC().Format(time.DateOnly)
	days := int(left.Hours() / 24)
	switch {
	case left < 0:
		return "it ended on " + day
	case days == 1:
		return "it ends on " + day + ", in 1 day"
	}
	return fmt.Sprintf("it ends on %s, in %d days", day, days)
}

// certificateText words why a certificate does not verify.
func certificateText(err error, chain []*x509.Certificate) string {
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return host.Error()
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return "it is valid from " + day(invalid.Cert.NotBefore) + " to " + day(invalid.Cert.NotAfter) + " only"
	case errors.As(err, &invalid):
		return invalid.Error()
	case errors.As(err, &unknown) && len(chain) == 1 && chain[0].Issuer.String() != chain[0].Subject.String():
		return fmt.Sprintf("it is signed by an unknown authority (%s), and no intermediate certificate is sent along", chain[0].Issuer.CommonName)
	case errors.As(err, &unknown):
		return "it is signed by an unknown authority"
	}
	return err.Error()
}
