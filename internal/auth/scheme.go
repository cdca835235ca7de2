package auth

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"relayctl/internal/mask"
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
	Kind string // one of Kinds; "" for no credentials

	Username string // basic
	Password Secret // basic

	APIKey Secret // api-key

	TokenURL     string        // oauth: https, or http to loopback
	ClientID     string        // oauth
	ClientSecret Secret        // oauth
	Mask         *mask.Mask    // oauth: told the tokens, and what errors must not show; nil for one of its own
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
	kind   string
	header string // that it sets, "" for none
	build  func(Config) (Scheme, error)
}

// schemes is the table of schemes: to add one, write its file and its row.
func schemes() []scheme {
	return []scheme{
		{KindNone, "", newNone},
		{KindBasic, authorizationHeader, newBasic},
		{KindAPIKey, apiKeyHeader, newAPIKey},
		{KindOAuth, authorizationHeader, newOAuth},
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

// HeaderOf returns the name of the header that a kind of credentials sets, "" for none.
func HeaderOf(kind string) string {
	for _, s := range schemes() {
		if s.kind == kind {
			return s.header
		}
	}
	return ""
}

// IsCredential says whether a header of that name, in any case, is one that a kind of
// credentials sets.
func IsCredential(name string) bool {
	return slices.ContainsFunc(schemes(), func(s scheme) bool { return s.header != "" && strings.EqualFold(s.header, name) })
}

// New returns the scheme that cfg describes. An error is a *SettingError or a
// *MissingError, or several of them joined, and shows no secret. The oauth scheme only
// signs: tokens are verified by an Issuer's scheme.
func New(cfg Config) (Scheme, error) {
	if cfg.Kind == "" {
		cfg.Kind = KindNone
	}
	for _, s := range schemes() {
		if s.kind == cfg.Kind {
			return s.build(cfg)
		}
	}
	return nil, &SettingError{"auth", fmt.Sprintf("is one of %s, not %q%s", strings.Join(Kinds(), ", "), cfg.Kind, suggest.DidYouMean(cfg.Kind, Kinds()))}
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

// SettingError is a setting of a Config that is wrong.
type SettingError struct {
	Setting string // its name, such as username
	Problem string // what follows the name
}

func (e *SettingError) Error() string { return e.Setting + " " + e.Problem }

// MissingError is what a Config of some kind lacks.
type MissingError struct {
	Kind     string
	Settings []string // their names, at least one
}

func (e *MissingError) Error() string {
	last := len(e.Settings) - 1
	if last == 0 {
		return fmt.Sprintf("auth %s needs %s", e.Kind, e.Settings[0])
	}
	return fmt.Sprintf("auth %s needs %s and %s", e.Kind, strings.Join(e.Settings[:last], ", "), e.Settings[last])
}

// require names all settings whose values are missing.
func require(kind string, settings ...[2]string) error {
	var missing []string
	for _, s := range settings {
		if s[1] == "" {
			missing = append(missing, s[0])
		}
	}
	if missing == nil {
		return nil
	}
	return &MissingError{kind, missing}
}

// checkText refuses a credential with a control character: none belongs
// there, and a line break would end the header that carries it.
func checkText(setting, s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return &SettingError{setting, "contains a control character or a line break"}
	}
	return nil
}
