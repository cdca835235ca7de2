package check

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
)

// credentials are the configured ones as the endpoint takes them: an auth.Scheme
// that remembers the OAuth tokens that it was given and how the endpoint wants
// the scheme written. Relay writes "basic" (R-AUTH-BASIC); an endpoint that
// takes only "Basic" fails auth.scheme-case, but the rest of the run can still
// say something about it. Safe for concurrent use.
type credentials struct {
	auth.Scheme
	config auth.Config

	mu       sync.Mutex
	tokens   []string // guarded by mu
	tried    bool     // guarded by mu: "Basic" was tried, whether it was accepted or not
	capitals bool     // guarded by mu: and is what the endpoint takes
}

// Sign gives the configured credentials' headers.
func (c *credentials) Sign(ctx context.Context) ([]auth.Header, error) {
	return c.signBy(ctx, c.Scheme)
}

// afresh gives them with a token that no other call carries.
func (c *credentials) afresh(ctx context.Context) ([]auth.Header, error) {
	scheme, err := auth.New(c.config)
	if err != nil {
		return nil, err
	}
	return c.signBy(ctx, scheme)
}

func (c *credentials) signBy(ctx context.Context, scheme auth.Scheme) ([]auth.Header, error) {
	signed, err := scheme.Sign(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.capitals {
		signed = capitalised(signed)
	}
	if err == nil && c.config.Kind == auth.KindOAuth {
		for _, h := range signed {
			if token := strings.TrimPrefix(h.Value, "Bearer "); !slices.Contains(c.tokens, token) {
				c.tokens = append(c.tokens, token)
			}
		}
	}
	return signed, err
}

// respelled gives refused credentials with the scheme in another case, nil
// where that was tried before or does not apply.
func (c *credentials) respelled(refused []auth.Header) []auth.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tried || len(refused) != 1 || !strings.HasPrefix(refused[0].Value, "basic ") {
		return nil
	}
	return capitalised(refused)
}

// spell settles how the scheme is written from now on.
func (c *credentials) spell(capitals bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried, c.capitals = true, capitals
}

// settle keeps the scheme as it is written, for so it was accepted.
func (c *credentials) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = true
}

// capitalised writes Basic for basic.
func capitalised(signed []auth.Header) []auth.Header {
	if len(signed) != 1 || !strings.HasPrefix(signed[0].Value, "basic ") {
		return signed
	}
	return []auth.Header{{Name: signed[0].Name, Value: "Basic" + strings.TrimPrefix(signed[0].Value, "basic")}}
}

// SecretKind says what a secret is.
type SecretKind string

// The secrets of a run.
const (
	SecretPair         SecretKind = "user and password" // in base64
	SecretPassword     SecretKind = "password"
	SecretKey          SecretKind = "key"
	SecretToken        SecretKind = "token"
	SecretClientSecret SecretKind = "client secret"
)

// Secret is a text of a call that must not be shown.
type Secret struct {
	Kind SecretKind
	Text string
}

// secrets lists what the configured credentials look like on the wire.
func (c *credentials) secrets() []Secret {
	var list []Secret
	add := func(kind SecretKind, s auth.Secret) {
		if !s.IsZero() {
			list = append(list, Secret{kind, s.Reveal()})
		}
	}
	switch c.config.Kind {
	case auth.KindBasic:
		list = append(list, Secret{SecretPair, base64.StdEncoding.EncodeToString([]byte(c.config.Username + ":" + c.config.Password.Reveal()))})
		add(SecretPassword, c.config.Password)
	case auth.KindAPIKey:
		add(SecretKey, c.config.APIKey)
	case auth.KindOAuth:
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, token := range c.tokens {
			list = append(list, Secret{SecretToken, token})
		}
		add(SecretClientSecret, c.config.ClientSecret)
	}
	return list
}

// redact takes the run's secrets out of all texts of a result: receivers echo
// things.
func (c *credentials) redact(r Result) Result {
	texts := []*string{&r.Reason, &r.Expected, &r.Actual, &r.Fix}
	for i := range r.Subs {
		texts = append(texts, &r.Subs[i].Actual)
	}
	for _, s := range c.secrets() {
		if len(s.Text) < capture.ShortestMasked {
			continue
		}
		for _, t := range texts {
			*t = strings.ReplaceAll(*t, s.Text, capture.Redacted)
		}
	}
	return r
}
