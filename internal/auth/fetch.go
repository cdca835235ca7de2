package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"relayctl/internal/mask"
)

// fetcher makes the token requests of the client-credentials grant. It is
// used by one goroutine at a time.
type fetcher struct {
	config  clientcredentials.Config
	client  *http.Client
	timeout time.Duration
	shown   string // the token URL as it may be shown
	mask    *mask.Mask
	settled bool // the endpoint has taken config.AuthStyle
}

// refusedError is a token endpoint's clear "no": a 4xx that says that these
// credentials will not do.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// CredentialsRefused says whether an error of Sign is a token endpoint's clear "no"
// to these credentials, so that asking again will not help.
func CredentialsRefused(err error) bool { return errors.As(err, new(*refusedError)) }

func newFetcher(cfg Config) (*fetcher, error) {
	u, err := tokenURL(cfg.TokenURL, cfg.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	if cfg.HTTP != nil {
		client = *cfg.HTTP
	}
	client.Transport = &tolerant{client.Transport}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = defaultTokenTimeout
	}
	secret := cfg.ClientSecret.Reveal()
	known := cfg.Mask
	if known == nil {
		known = &mask.Mask{}
	}
	known.AddPair(cfg.ClientID, secret)
	return &fetcher{
		config: clientcredentials.Config{
			ClientID: cfg.ClientID, ClientSecret: secret, TokenURL: cfg.TokenURL,
			Scopes: strings.Fields(cfg.Scope), AuthStyle: oauth2.AuthStyleInHeader,
		},
		client: &client, timeout: timeout,
		shown: (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(),
		mask:  known,
	}, nil
}

// ErrInClear refuses a token endpoint on another machine that is called without TLS.
var ErrInClear error = &SettingError{"token-url", "sends the client secret over plain http: use https"}

// tokenURL checks that credentials may be sent there.
func tokenURL(text string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(text)
	// The parser's error quotes the URL, which may hold a secret.
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, &SettingError{"token-url", "is not a URL such as https://host/oauth/token"}
	}
	if u.User != nil {
		return nil, &SettingError{"token-url", "contains credentials, which belong to client-id and client-secret"}
	}
	if _, local := Loopback(u.Hostname()); u.Scheme == "http" && !insecure && !local {
		return nil, ErrInClear
	}
	return u, nil
}

// fetch asks for a token and returns it with its lifetime, 0 when unknown. The
// client authenticates in the header as RFC 6749 prefers; where that is
// refused before it ever worked, once more in the body, for some endpoints know
// nothing else. Errors show no secret.
func (f *fetcher) fetch(ctx context.Context) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout, fmt.Errorf("no answer within %s", f.timeout))
	defer cancel()
	t, err := f.request(ctx)
	if refused := new(refusedError); errors.As(err, &refused) && !f.settled {
		header := f.config.AuthStyle
		f.config.AuthStyle = oauth2.AuthStyleInParams
		if t2, err2 := f.request(ctx); err2 == nil {
			t, err = t2, nil
		} else {
			f.config.AuthStyle = header
		}
	}
	if err != nil {
		return "", 0, fmt.Errorf("token endpoint %s: %w", f.shown, err)
	}
	f.settled = true
	value, err := bearer(t)
	if err != nil {
		return "", 0, fmt.Errorf("token endpoint %s: %w", f.shown, err)
	}
	f.mask.AddToken(value)
	if t.Expiry.IsZero() {
		return value, 0, nil
	}
	// A token that is over when it comes is used once and then renewed.
	return value, max(time.Until(t.Expiry).Round(time.Millisecond), 1), nil
}

func (f *fetcher) request(ctx context.Context) (*oauth2.Token, error) {
	t, err := f.config.Token(context.WithValue(ctx, oauth2.HTTPClient, f.client))
	if err == nil {
		return t, nil
	}
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		return nil, f.refusal(answer)
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	// url.Error would repeat the URL with its query; what it wraps says why.
	var transport *url.Error
	if errors.As(err, &transport) {
		var op *net.OpError
		if errors.As(transport.Err, &op) && op.Op == "dial" {
			return nil, &shownError{err: transport.Err, text: f.clean("cannot connect: " + op.Err.Error())}
		}
		return nil, &shownError{err: transport.Err, text: f.clean(transport.Err.Error())}
	}
	return nil, errors.New("its answer is not a token: " + f.clean(strings.TrimPrefix(err.Error(), "oauth2: ")))
}

// shownError shows a cleaned text and keeps the cause for errors.Is and As.
type shownError struct {
	err  error
	text string
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.err }

// refusal tells what an endpoint answered instead of a token: the status and
// the error code of RFC 6749, but never the body, which may repeat a secret.
func (f *fetcher) refusal(answer *oauth2.RetrieveError) error {
	text := fmt.Sprintf("answered %d", answer.Response.StatusCode)
	if answer.ErrorCode != "" {
		text += " " + f.clean(answer.ErrorCode)
	}
	if answer.ErrorDescription != "" {
		text += " (" + f.clean(answer.ErrorDescription) + ")"
	}
	err := errors.New(text)
	switch s := answer.Response.StatusCode; {
	case s >= 300 && s < 400:
		return fmt.Errorf("%w: redirects are not followed with credentials", err)
	case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests, s < 200, s >= 500:
		return err
	}
	return &refusedError{err}
}

// clean makes foreign text fit for an error: short, one line, without the
// secrets that were sent.
func (f *fetcher) clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(f.mask.Text(s), "?"))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}
