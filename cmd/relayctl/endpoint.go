package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/suggest"
)

// authOptions are the flags of the credentials, to send or to expect.
type authOptions struct {
	kind, username, password, apiKey             string
	tokenURL, clientID, clientSecret, scope      string
	rawToken                                     bool
	resolvedPassword, resolvedKey, resolvedOAuth auth.Secret
}

const secretHelp = " (env:NAME, file:PATH, or the value itself, which then shows in the process list)"

func (o *authOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "Credentials")()
	f := cmd.Flags()
	f.StringVar(&o.kind, "auth", "none", "credentials: none, basic, api-key or oauth")
	f.StringVar(&o.username, "username", "", "user name of --auth basic")
	f.StringVar(&o.password, "password", "", "password of --auth basic"+secretHelp)
	f.StringVar(&o.apiKey, "api-key", "", "key of --auth api-key"+secretHelp)
	f.StringVar(&o.clientID, "client-id", "", "client id of --auth oauth")
	f.StringVar(&o.clientSecret, "client-secret", "", "client secret of --auth oauth"+secretHelp)
	f.StringVar(&o.scope, "scope", "", "scope of --auth oauth")
	words(cmd, "auth", auth.Kinds()...)
}

func (o *authOptions) senderFlags(cmd *cobra.Command) {
	defer group(cmd, "Credentials")()
	cmd.Flags().StringVar(&o.tokenURL, "token-url", "", "where --auth oauth gets its token")
	cmd.Flags().BoolVar(&o.rawToken, "raw-token", false, "send the token without \"Bearer \", as Relay's sample shows it (R-AUTH-OAUTH; that Bearer is sent is assumed)")
}

// words registers the words that a flag takes, for the shell's completion.
func words(cmd *cobra.Command, flag string, list ...string) {
	wordsOf(cmd, flag, func() []string { return list })
}

// wordsOf is words for a list that start-up shall not wait for.
func wordsOf(cmd *cobra.Command, flag string, list func() []string) {
	// It fails only for a flag that is not there or has its words already.
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveNoFileComp
	})
}

// oneArg completes a command's only argument.
func oneArg(list func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(), cobra.ShellCompDirectiveNoFileComp
	}
}

// resolve reads the secrets from where they are.
func (o *authOptions) resolve(env func(string) (string, bool)) error {
	for _, s := range []struct {
		flag, value string
		into        *auth.Secret
	}{{"password", o.password, &o.resolvedPassword}, {"api-key", o.apiKey, &o.resolvedKey}, {"client-secret", o.clientSecret, &o.resolvedOAuth}} {
		v, err := auth.ResolveSecret(s.value, env)
		if err != nil {
			return fmt.Errorf("--%s: %w", s.flag, err)
		}
		*s.into = v
	}
	return nil
}

func (o *authOptions) config() auth.Config {
	return auth.Config{
		Kind: o.kind, Username: o.username, Password: o.resolvedPassword, APIKey: o.resolvedKey,
		TokenURL: o.tokenURL, ClientID: o.clientID, ClientSecret: o.resolvedOAuth, Scope: o.scope, RawToken: o.rawToken,
	}
}

// endpointOptions are the flags of an endpoint to call.
type endpointOptions struct {
	auth         authOptions
	to           string
	headers      []string
	cacert       string
	insecure     bool
	insecureHTTP bool
}

func (o *endpointOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	end := group(cmd, "Endpoint")
	f.StringVar(&o.to, "to", "", "the endpoint's URL; without it the embedded receiver takes the events")
	f.StringArrayVar(&o.headers, "header", nil, "custom header 'K: V', up to ten (R-HEADERS)")
	f.StringVar(&o.cacert, "cacert", "", "PEM file of a CA to trust beside the system's")
	f.BoolVar(&o.insecure, "insecure", false, "trust any certificate")
	f.BoolVar(&o.insecureHTTP, "insecure-http", false, "allow plain http to other hosts than loopback; Relay itself never calls it (R-HTTPS)")
	end()
	o.auth.flags(cmd)
	o.auth.senderFlags(cmd)
}

// checkURL holds a URL to R-HTTPS.
func (o *endpointOptions) checkURL(flag, raw string) error {
	u, err := url.Parse(raw)
	near := suggest.URL(shownURL(raw))
	switch {
	case err != nil && near == "":
		return fmt.Errorf("--%s: the URL cannot be read: %w", flag, errors.Unwrap(err))
	case near != "":
		return fmt.Errorf("--%s: %q is no URL; did you mean %s?", flag, shownURL(raw), near)
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		if strings.Contains(raw, "@") {
			raw = "what was given" // it may hold a password
		}
		return fmt.Errorf("--%s: %q is no URL such as https://host/path", flag, shownURL(raw))
	case !isPort(u.Port()):
		return fmt.Errorf("--%s: %q is no port; ports go from 1 to 65535", flag, u.Port())
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
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// tlsConfig says whom to trust.
func (o *endpointOptions) tlsConfig() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.insecure} //nolint:gosec // only on --insecure
	if o.cacert == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(o.cacert)
	if err != nil {
		return nil, fmt.Errorf("--cacert: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--cacert: %s holds no PEM certificate", o.cacert)
	}
	conf.RootCAs = pool
	return conf, nil
}

// parseHeaders reads the --header flags.
func (o *endpointOptions) parseHeaders() ([]auth.Header, error) {
	var out []auth.Header
	taken := map[string]string{auth.KindBasic: "Authorization", auth.KindOAuth: "Authorization", auth.KindAPIKey: "ApiKey"}[o.auth.kind]
	for i, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		name = strings.TrimSpace(name)
		switch {
		case !ok || name == "":
			// It is not repeated: it may hold a secret.
			return nil, fmt.Errorf("--header number %d is not of the form 'Name: value'", i+1)
		case strings.EqualFold(name, taken):
			return nil, fmt.Errorf("--header %s: --auth %s sets this header", name, o.auth.kind)
		}
		out = append(out, auth.Header{Name: name, Value: strings.TrimSpace(value)})
	}
	return out, nil
}

// httpClient makes the token requests, with the endpoint's trust.
func httpClient(conf *tls.Config, timeout time.Duration) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: conf}, Timeout: timeout}
}
