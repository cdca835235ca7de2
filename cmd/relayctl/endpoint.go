package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/input"
	"relayctl/internal/mask"
	"relayctl/internal/suggest"
)

// authOptions are the flags of the credentials, to send or to expect.
type authOptions struct {
	kind, username, password, apiKey             string
	tokenURL, clientID, clientSecret, scope      string
	rawToken                                     bool
	resolvedPassword, resolvedKey, resolvedOAuth auth.Secret
	secrets                                      *mask.Mask
}

func (o *authOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "Credentials")()
	f := cmd.Flags()
	choiceFlag(cmd, &o.kind, "auth", "", "kind of credentials", auth.Kinds()...)
	f.StringVar(&o.username, "username", "", "user name of --auth basic")
	secretFlag(cmd, &o.password, "password", "password of --auth basic")
	secretFlag(cmd, &o.apiKey, "api-key", "key of --auth api-key")
	f.StringVar(&o.clientID, "client-id", "", "client id of --auth oauth")
	secretFlag(cmd, &o.clientSecret, "client-secret", "client secret of --auth oauth")
	f.StringVar(&o.scope, "scope", "", "scope of --auth oauth")
	needsAuth(cmd, auth.KindBasic, "username", "password")
	needsAuth(cmd, auth.KindAPIKey, "api-key")
	needsAuth(cmd, auth.KindOAuth, "client-id", "client-secret", "scope")
}

func (o *authOptions) senderFlags(cmd *cobra.Command) {
	defer group(cmd, "Credentials")()
	cmd.Flags().StringVar(&o.tokenURL, "token-url", "", "where --auth oauth gets its token")
	cmd.Flags().BoolVar(&o.rawToken, "raw-token", false, "send the token without \"Bearer \", as Relay's sample shows it (R-AUTH-OAUTH; that Bearer is sent is assumed)")
	needsAuth(cmd, auth.KindOAuth, "token-url", "raw-token")
	needs(cmd, "to", "token-url")
}

// resolve reads the secrets from where they are.
func (o *authOptions) resolve(a *app) error {
	for _, s := range []struct {
		flag, value string
		into        *auth.Secret
	}{{"password", o.password, &o.resolvedPassword}, {"api-key", o.apiKey, &o.resolvedKey}, {"client-secret", o.clientSecret, &o.resolvedOAuth}} {
		v, err := auth.ResolveSecret(a.interrupt, s.value, a.env)
		if err != nil {
			return fmt.Errorf("--%s: %w", s.flag, err)
		}
		*s.into = v
	}
	a.secrets.Add(o.resolvedKey.Reveal())
	a.secrets.AddPair(o.username, o.resolvedPassword.Reveal())
	a.secrets.AddPair(o.clientID, o.resolvedOAuth.Reveal())
	o.secrets = a.secrets
	return nil
}

func (o *authOptions) config() auth.Config {
	return auth.Config{
		Kind: o.kind, Username: o.username, Password: o.resolvedPassword, APIKey: o.resolvedKey,
		TokenURL: o.tokenURL, ClientID: o.clientID, ClientSecret: o.resolvedOAuth, Scope: o.scope, RawToken: o.rawToken, Mask: o.secrets,
	}
}

// endpointOptions are the flags of an endpoint to call.
type endpointOptions struct {
	auth         authOptions
	to           string
	headers      []string
	cacert       string
	clientCert   string
	clientKey    string
	proxy        string
	insecure     bool
	insecureHTTP bool
}

func (o *endpointOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	end := group(cmd, "Endpoint")
	f.StringVar(&o.to, "to", "", "the endpoint's `URL`; without it the embedded receiver takes the events")
	headerFlag(cmd, &o.headers, "header", "H", "custom header 'K: V', up to ten (R-HEADERS)")
	f.StringVar(&o.cacert, "cacert", "", "PEM `file` of a CA to trust beside the system's")
	f.StringVar(&o.clientCert, "client-cert", "", "PEM `file` of the certificate to show to an endpoint that asks for one")
	f.StringVar(&o.clientKey, "client-key", "", "PEM `file` of its key")
	proxyFlag(cmd, &o.proxy)
	f.BoolVar(&o.insecure, "insecure", false, "trust any certificate")
	f.BoolVar(&o.insecureHTTP, "insecure-http", false, "allow plain http to other hosts than loopback; Relay itself never calls it (R-HTTPS)")
	f.Bool(yesProduction, false, "send although the profile is marked as production (on the command line only)")
	needs(cmd, "to", "cacert", "client-cert", "proxy", "insecure", "insecure-http")
	needs(cmd, "client-cert", "client-key")
	end()
	o.auth.flags(cmd)
	o.auth.senderFlags(cmd)
}

// leaveSecrets is for a run that sends nothing and need not have the secrets: it puts a
// placeholder for each that stands in a file or a variable, and leaves out the client's
// certificate.
func (o *endpointOptions) leaveSecrets() {
	for _, secret := range []*string{&o.auth.password, &o.auth.apiKey, &o.auth.clientSecret} {
		if isReference(*secret) {
			*secret = "not read"
		}
	}
	if isReference(o.proxy) {
		o.proxy = noProxy
	}
	o.clientCert, o.clientKey = "", ""
}

// verifyURL holds a URL to R-HTTPS.
func (o *endpointOptions) verifyURL(flag, raw string) error {
	u, err := url.Parse(raw)
	near := suggest.URL(shownURL(raw))
	switch {
	case err != nil && near == "":
		return fmt.Errorf("--%s: the URL cannot be read: %w", flag, errors.Unwrap(err))
	case near != "":
		return fmt.Errorf("--%s: %q is not a URL; did you mean %s?", flag, shownURL(raw), near)
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		if strings.Contains(raw, "@") {
			raw = "what was given" // it may hold a password
		}
		return fmt.Errorf("--%s: %q is not a URL such as https://host/path", flag, shownURL(raw))
	case !isPort(u.Port()):
		return fmt.Errorf("--%s: %q is not a port; ports go from 1 to 65535", flag, u.Port())
	case strings.Contains(u.RawQuery, " "):
		return fmt.Errorf("--%s: the URL's query contains a space; write %%20", flag)
	case u.Scheme == "http" && !isLoopback(u.Hostname()) && !o.insecureHTTP:
		return fmt.Errorf("--%s: Relay never calls plain http (R-HTTPS); --insecure-http allows it to %s", flag, u.Hostname())
	}
	return nil
}

// shownURL is a URL as it may be shown: without the secrets of its query.
func shownURL(raw string) string { return capture.Redactor{}.Target(raw) }

// isPort says whether a URL's port can be connected to; "" is the scheme's.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil && n > 0
}

func isLoopback(host string) bool {
	_, ok := auth.Loopback(host)
	return ok
}

// maxPEM bounds a file of certificates.
const maxPEM = 4 << 20

// tlsConfig says whom to trust.
func (o *endpointOptions) tlsConfig(ctx context.Context) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.insecure} //nolint:gosec // only on --insecure
	if err := o.showCertificate(ctx, conf); err != nil {
		return nil, err
	}
	if o.cacert == "" {
		return conf, nil
	}
	pool, err := trustedWith(ctx, o.cacert)
	if err != nil {
		return nil, fmt.Errorf("--cacert: %w", err)
	}
	conf.RootCAs = pool
	return conf, nil
}

// trustedWith is the system's authorities and those of a PEM file.
func trustedWith(ctx context.Context, file string) (*x509.CertPool, error) {
	pem, err := input.ReadFile(ctx, file, maxPEM)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return pool, nil
}

// showCertificate sets the client's certificate.
func (o *endpointOptions) showCertificate(ctx context.Context, conf *tls.Config) error {
	switch {
	case o.clientCert == "":
		return nil
	case o.clientKey == "":
		return errors.New("--client-cert needs the --client-key of the certificate")
	}
	cert, err := input.ReadFile(ctx, o.clientCert, maxPEM)
	if err != nil {
		return fmt.Errorf("--client-cert: %w", err)
	}
	key, err := input.ReadFile(ctx, o.clientKey, maxPEM)
	if err != nil {
		return fmt.Errorf("--client-key: %w", err)
	}
	if bytes.Contains(key, []byte("ENCRYPTED")) {
		return fmt.Errorf("--client-key: %s is encrypted, and nothing is asked for; openssl pkey -in %s -out KEY writes it without a passphrase", o.clientKey, o.clientKey)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("--client-cert %s, --client-key %s: %s", o.clientCert, o.clientKey, strings.TrimPrefix(err.Error(), "tls: "))
	}
	// Shown whatever authorities the endpoint names: it can say no itself.
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return nil
}

// parseHeaders reads the --header flags.
func (o *endpointOptions) parseHeaders() ([]auth.Header, error) {
	var out []auth.Header
	taken := auth.HeaderOf(o.auth.kind)
	for i, text := range o.headers {
		h, err := headerOf("header", i+1, text)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(h.Name, taken) {
			return nil, fmt.Errorf("--header %s: --auth %s sets this header", h.Name, o.auth.kind)
		}
		out = append(out, h)
	}
	return out, nil
}

// httpClient makes the token requests, with the endpoint's trust. A nil proxies
// has none.
func httpClient(conf *tls.Config, p *proxies, timeout time.Duration) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: conf, Proxy: p.ofRequest}, Timeout: timeout}
}
