package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"relayctl/internal/input"
)

// TokenPath is where a receiver serves its Issuer.
const TokenPath = "/oauth/token"

const (
	defaultTTL   = time.Hour
	maxTokenBody = 16 << 10
	issuerName   = "relayctl"
)

// IssuerConfig describes a local token endpoint.
type IssuerConfig struct {
	ClientID     string
	ClientSecret Secret
	Scope        string           // what clients may ask for, separated by spaces; "" allows any
	TTL          time.Duration    // of a token, in whole seconds; 0 is an hour
	Now          func() time.Time // nil is time.Now
}

// Issuer issues expiring tokens for client credentials (RFC 6749, section
// 4.4) and verifies them. Tokens are JWTs signed with a key that the process
// keeps to itself, so that they end with it. Safe for concurrent use.
type Issuer struct {
	clientID   string
	id, secret digest
	scopes     []string
	ttl        time.Duration
	now        func() time.Time
	key        []byte
}

// NewIssuer checks the configuration; an error names the flag.
func NewIssuer(cfg IssuerConfig) (*Issuer, error) {
	err := require(KindOAuth, [2]string{"client-id", cfg.ClientID}, [2]string{"client-secret", cfg.ClientSecret.Reveal()})
	if err != nil {
		return nil, err
	}
	if cfg.TTL == 0 {
		cfg.TTL = defaultTTL
	}
	if cfg.TTL < time.Second || cfg.TTL%time.Second != 0 {
		return nil, &SettingError{"token-ttl", fmt.Sprintf("must be a whole number of seconds from 1s, for so tokens count their life, not %s", cfg.TTL)}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: the runtime would end the process
	return &Issuer{
		clientID: cfg.ClientID, id: sum(cfg.ClientID), secret: sum(cfg.ClientSecret.Reveal()),
		scopes: strings.Fields(cfg.Scope), ttl: cfg.TTL, now: cfg.Now, key: key,
	}, nil
}

// tokenError is an error answer of RFC 6749, section 5.2.
type tokenError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *tokenError) Error() string { return e.Code + ": " + e.Description }

func invalidRequest(description string) *tokenError {
	return &tokenError{http.StatusBadRequest, "invalid_request", description}
}

// ServeHTTP answers a token request. Client credentials come as HTTP Basic or
// in the form body.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	answer, err := i.grant(w, r)
	if err != nil {
		var refused *tokenError
		if !errors.As(err, &refused) {
			refused = &tokenError{http.StatusInternalServerError, "server_error", "the token could not be signed"}
		}
		switch refused.status {
		case http.StatusUnauthorized:
			h.Set("WWW-Authenticate", `Basic realm="relayctl token endpoint"`)
		case http.StatusMethodNotAllowed:
			h.Set("Allow", http.MethodPost)
		}
		w.WriteHeader(refused.status)
		answer = refused
	}
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(answer)
}

// grantAnswer is RFC 6749, section 5.1.
type grantAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
}

func (i *Issuer) grant(w http.ResponseWriter, r *http.Request) (any, error) {
	form, err := tokenForm(w, r)
	if err != nil {
		return nil, err
	}
	if err := i.checkClient(r, form); err != nil {
		return nil, err
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return nil, invalidRequest("grant_type is missing")
	default:
		return nil, &tokenError{http.StatusBadRequest, "unsupported_grant_type", "only client_credentials is supported"}
	}
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = i.scopes
	}
	for _, s := range scopes {
		if len(i.scopes) > 0 && !slices.Contains(i.scopes, s) {
			return nil, &tokenError{http.StatusBadRequest, "invalid_scope", "a scope that was asked for is not the expected one"}
		}
	}
	scope := strings.Join(scopes, " ")
	text, err := i.sign(scope)
	return grantAnswer{text, "Bearer", int64(i.ttl / time.Second), scope}, err
}

// tokenForm reads the request's form, from the body only: credentials in a
// query end up in logs.
func tokenForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method != http.MethodPost {
		return nil, &tokenError{http.StatusMethodNotAllowed, "invalid_request", "the token endpoint takes POST"}
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the Content-Type is not application/x-www-form-urlencoded")
	}
	body, _, err := input.AtMost(http.MaxBytesReader(w, r.Body, maxTokenBody), maxTokenBody)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, &tokenError{http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large"}
	} else if err != nil {
		return nil, invalidRequest("the body could not be read")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the body is not a form")
	}
	for _, name := range []string{"grant_type", "scope", "client_id", "client_secret"} {
		if len(form[name]) > 1 {
			return nil, invalidRequest(name + " stands more than once")
		}
	}
	return form, nil
}

func (i *Issuer) checkClient(r *http.Request, form url.Values) error {
	invalid := &tokenError{http.StatusUnauthorized, "invalid_client", "the client credentials are missing or wrong"}
	if len(r.Header.Values(authorizationHeader)) == 0 {
		// Both are hashed whatever the first says, so that time tells nothing.
		idOK, secretOK := i.id.matches(form.Get("client_id")), i.secret.matches(form.Get("client_secret"))
		if !idOK || !secretOK {
			return invalid
		}
		return nil
	}
	if form.Has("client_secret") {
		return invalidRequest("the client authenticates in more than one way")
	}
	value, problem := single(r.Header, authorizationHeader)
	if problem != "" {
		return invalid
	}
	pair, problem := basicPair(value)
	if problem != "" {
		return invalid
	}
	id, secret, _ := strings.Cut(pair, ":")
	idOK, secretOK := i.id.matchesForm(id), i.secret.matchesForm(secret)
	if !idOK || !secretOK {
		return invalid
	}
	if form.Has("client_id") && !i.id.matches(form.Get("client_id")) {
		return invalidRequest("client_id contradicts the Authorization header")
	}
	return nil
}

// matchesForm compares a half of the Basic credentials, which RFC 6749 has
// form-encoded first; many clients leave that out.
func (d digest) matchesForm(s string) bool {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		decoded = s
	}
	plain, formed := d.matches(s), d.matches(decoded)
	return plain || formed
}

// sign makes a token that is valid from now on for the TTL.
func (i *Issuer) sign(scope string) (string, error) {
	id := make([]byte, 12)
	_, _ = rand.Read(id) // never fails, as above
	now := i.now()
	c := claims{
		Issuer: issuerName, Subject: i.clientID, ClientID: i.clientID, Scope: scope, ID: hex.EncodeToString(id),
		IssuedAt: seconds(now), Expires: seconds(now.Add(i.ttl)),
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(i.key)
}
