package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const bearerChallenge = `Bearer realm="relayctl"`

// claims of the tokens. Times carry milliseconds, which RFC 7519 allows, so
// that a token of two seconds lives two seconds.
type claims struct {
	Issuer   string  `json:"iss"`
	Subject  string  `json:"sub"`
	ClientID string  `json:"client_id"`
	Scope    string  `json:"scope,omitempty"`
	ID       string  `json:"jti"`
	IssuedAt float64 `json:"iat"`
	Expires  float64 `json:"exp"`
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func numericDate(s float64) *jwt.NumericDate {
	return &jwt.NumericDate{Time: time.UnixMilli(int64(s*1000 + 0.5))}
}

// The methods of jwt.Claims.

func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return numericDate(c.Expires), nil }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return numericDate(c.IssuedAt), nil }
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// Scheme returns the receiving side of the issuer: it verifies "Bearer <t>"
// and the bare "<t>" (R-AUTH-OAUTH) and cannot sign.
func (i *Issuer) Scheme() Scheme {
	return &issued{issuer: i, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuerName),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(i.now),
	)}
}

type issued struct {
	fixed
	issuer *Issuer
	parser *jwt.Parser
	last   atomic.Pointer[verified]
}

// verified remembers the last good token: a sender uses one for many requests.
// It is known by its hash, so that comparing tells nothing about the token.
type verified struct {
	hash    [sha256.Size]byte
	expires time.Time
}

func (s *issued) Challenge() string { return bearerChallenge }

func (s *issued) Sign(context.Context) ([]Header, error) {
	return nil, errors.New("the issuer's side of oauth does not sign requests")
}

func (s *issued) Verify(h http.Header) Verdict {
	value, problem := single(h, authorizationHeader)
	if problem != "" {
		return refuse(problem)
	}
	text, problem := bearerToken(value)
	if problem != "" {
		return refuse(problem)
	}
	hash := sha256.Sum256([]byte(text))
	if v := s.last.Load(); v != nil && v.hash == hash && s.issuer.now().Before(v.expires) {
		return Verdict{OK: true}
	}
	var c claims
	_, err := s.parser.ParseWithClaims(text, &c, func(*jwt.Token) (any, error) { return s.issuer.key, nil })
	switch {
	case err == nil:
		s.last.Store(&verified{hash, numericDate(c.Expires).Time})
		return Verdict{OK: true}
	case errors.Is(err, jwt.ErrTokenMalformed):
		return refuse("the token is not a JWT of this receiver")
	case errors.Is(err, jwt.ErrTokenExpired):
		return refuse("the token has expired")
	}
	return refuse("the token was not issued by this receiver since it started")
}

// bearerToken takes the token out of an Authorization header, with or without
// its scheme. What stands in another scheme's place is not repeated: it could
// be half a secret.
func bearerToken(value string) (token, problem string) {
	scheme, rest, hasScheme := strings.Cut(value, " ")
	switch {
	case !hasScheme && strings.EqualFold(value, "bearer"):
		return "", "the Authorization header ends after Bearer"
	case !hasScheme:
		return value, ""
	case !strings.EqualFold(scheme, "bearer"):
		return "", "the Authorization scheme is not Bearer"
	}
	return strings.Trim(rest, " \t"), ""
}
