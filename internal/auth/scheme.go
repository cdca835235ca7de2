package auth

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"relayctl/internal/suggest"
)

// The names of the schemes on the command line.
const (
	KindNone   = "none"
	KindBasic  = "basic"
	KindAPIKey = "api-key"
	KindOAuth  = "oauth"
)

// Config says which scheme to use and holds what it needs. Fields of other
// schemes are ignored.
type Config struct {
	Kind string // one of Kinds; "" is none

	Username string // basic
	Password Secret // basic

	APIKey Secret // api-key

	TokenURL     string        // oauth: https, or http to loopback
	ClientID     string        // oauth
	ClientSecret Secret        // oauth
	Scope        string        // oauth: scopes separated by spaces; "" asks for none
	RawToken     bool          // oauth: send the token without "Bearer " (R-AUTH-OAUTH)
	InsecureHTTP bool          // oauth: allow a plain http token URL anywhere
	Timeout      time.Duration // oauth: of one token request; 0 is 10 s
	// HTTP makes the token requests and brings the TLS configuration; its
	// redirect policy is not used, for redirects are not followed with
	// credentials. Nil is a client with Go's defaults that keeps no connection.
	HTTP *http.Client
}

// scheme is a row of the table of schemes.
type scheme struct {
	kind  string
	build func(Config) (Scheme, error)
}

// schemes is the table of schemes: to add one, write its file and its row.
func schemes() []scheme {
	return []scheme{
		{KindNone, newNone},
		{KindBasic, newBasic},
		{KindAPIKey, newAPIKey},
		{KindOAuth, newOAuth},
	}
}

// Kinds returns the names that Config.Kind takes.
func Kinds() []string {
	var kinds []string
	for _, s := range schemes() {
		kinds = append(kinds, s.kind)
	}
	return kinds
}

// New returns the scheme that cfg describes. An error names the flag that is
// missing or wrong and shows no secret. The oauth scheme only signs: tokens
// are verified by an Issuer's scheme.
func New(cfg Config) (Scheme, error) {
	if cfg.Kind == "" {
		cfg.Kind = KindNone
	}
	for _, s := range schemes() {
		if s.kind == cfg.Kind {
			return s.build(cfg)
		}
	}
	return nil, fmt.Errorf("unknown authentication %q: --auth is one of %s%s",
		cfg.Kind, strings.Join(Kinds(), ", "), suggest.DidYouMean(cfg.Kind, Kinds()))
}

// fixed is what the schemes share whose headers never change.
type fixed struct{}

func (fixed) Rejected([]Header) bool { return false }
func (fixed) Accepted([]Header)      {}

// single returns the only value of a header, found in any case of its name.
// Several values are refused: two readers could take different ones.
func single(h http.Header, name string) (value, problem string) {
	values := h[http.CanonicalHeaderKey(name)]
	if values == nil {
		for k, v := range h {
			if strings.EqualFold(k, name) {
				values = append(values, v...)
			}
		}
	}
	switch {
	case len(values) == 0:
		return "", "no " + name + " header"
	case len(values) > 1:
		return "", "more than one " + name + " header"
	case strings.TrimSpace(values[0]) == "":
		return "", "the " + name + " header is empty"
	}
	return strings.Trim(values[0], " \t"), ""
}

func refuse(reason string) Verdict { return Verdict{Reason: reason} }

// require names the first flag whose value is missing.
func require(kind string, flags ...[2]string) error {
	for _, f := range flags {
		if f[1] == "" {
			return fmt.Errorf("--auth %s needs --%s", kind, f[0])
		}
	}
	return nil
}

// checkText refuses a credential with a control character: none belongs
// there, and a line break would end the header that carries it.
func checkText(flag, s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("--%s contains a control character or a line break", flag)
	}
	return nil
}
