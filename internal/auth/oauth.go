package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

const (
	defaultTokenTimeout = 10 * time.Second
	// maxMargin is how early a long-lived token is renewed at most; a short-lived
	// one is renewed after four fifths of its life.
	maxMargin = 30 * time.Second
	// renewPause spaces the attempts to renew a token that is still good.
	renewPause = time.Second
	// refusalPause is how long a token endpoint's clear "no" is taken as its
	// answer: asking again with the same credentials could lock the client out.
	refusalPause = 5 * time.Second
	// quietStart and quietMax bound how young a token may be that replaces a
	// refused one and is refused as well without having ever been accepted.
	quietStart = time.Second
	quietMax   = time.Minute
)

// oauth is the sending side of R-AUTH-OAUTH. There is at most one token
// request in flight; while a token that is due for renewal still lives, the
// others go on with it.
type oauth struct {
	fetcher *fetcher
	raw     bool
	current atomic.Pointer[token] // nil before the first and after a refused one

	mu           sync.Mutex
	flight       *flight   // the token request under way
	renewAfter   time.Time // no renewal of a living token before
	refusal      error     // the endpoint's clear "no" …
	refusedUntil time.Time // … and until when it is believed
	streak       int       // tokens in a row that replaced a refused one and were never accepted
}

// token is a cached token. Its headers are what Sign returns.
type token struct {
	headers []Header
	fetched time.Time
	renewAt time.Time // zero: its end is not known
	expires time.Time
	quiet   time.Duration // refused when younger than this, it is not renewed; 0 for a token that replaced none
	proven  atomic.Bool   // it was accepted
}

// flight is a token request under way.
type flight struct {
	done  chan struct{}
	token *token
	err   error
	alone bool // the caller's own context ended it: no answer for those who wait
}

func newOAuth(cfg Config) (Scheme, error) {
	err := require(KindOAuth, [2]string{"token-url", cfg.TokenURL}, [2]string{"client-id", cfg.ClientID},
		[2]string{"client-secret", cfg.ClientSecret.Reveal()})
	if err != nil {
		return nil, err
	}
	f, err := newFetcher(cfg)
	if err != nil {
		return nil, err
	}
	return &oauth{fetcher: f, raw: cfg.RawToken}, nil
}

func (o *oauth) Challenge() string { return bearerChallenge }

// Verify refuses: the sender cannot tell a token's worth.
func (o *oauth) Verify(http.Header) Verdict {
	return refuse("tokens are verified where they are issued")
}

// Sign returns the cached token's header, fetching or renewing it when due.
func (o *oauth) Sign(ctx context.Context) ([]Header, error) {
	if t := o.current.Load(); t != nil && t.fresh(time.Now()) {
		return t.headers, nil
	}
	for {
		f, leads, t, err := o.join(time.Now())
		switch {
		case err != nil:
			return nil, err
		case t != nil:
			return t.headers, nil
		case leads:
			return o.lead(ctx, f)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a token: %w", context.Cause(ctx))
		}
		if f.err != nil && !f.alone {
			return nil, f.err
		}
		if f.token != nil {
			return f.token.headers, nil
		}
	}
}

// join returns a token that can be used now, the error to be believed, or the
// request to wait for, which the caller has to make itself where leads is true.
func (o *oauth) join(now time.Time) (f *flight, leads bool, t *token, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t = o.current.Load()
	refused := o.refusal != nil && now.Before(o.refusedUntil)
	wait := refused || o.flight != nil || now.Before(o.renewAfter)
	switch {
	case t != nil && (t.fresh(now) || t.alive(now) && wait):
		return nil, false, t, nil
	case o.flight != nil:
		return o.flight, false, nil, nil
	case refused:
		return nil, false, nil, o.refusal
	}
	o.flight = &flight{done: make(chan struct{})}
	return o.flight, true, nil, nil
}

// lead makes the token request and tells those who wait for it.
func (o *oauth) lead(ctx context.Context, f *flight) ([]Header, error) {
	started := time.Now()
	value, lifetime, err := o.fetcher.fetch(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	defer close(f.done)
	o.flight = nil
	if err == nil {
		o.refusal = nil
		f.token = o.newToken(value, started, lifetime)
		o.current.Store(f.token)
		return f.token.headers, nil
	}
	now := time.Now()
	var refused *refusedError
	if errors.As(err, &refused) {
		o.refusal, o.refusedUntil = err, now.Add(refusalPause)
	}
	if t := o.current.Load(); t != nil && t.alive(now) {
		// The old token is still good: try again before it ends.
		o.renewAfter = now.Add(min(renewPause, t.expires.Sub(now)/4))
		f.token = t
		return t.headers, nil
	}
	f.err, f.alone = err, ctx.Err() != nil
	return nil, err
}

// newToken counts the lifetime from the start of the request, which is before
// the endpoint did. The caller holds the lock.
func (o *oauth) newToken(value string, started time.Time, lifetime time.Duration) *token {
	header := value
	if !o.raw {
		header = "Bearer " + value
	}
	t := &token{headers: []Header{{authorizationHeader, header}}, fetched: started}
	if lifetime > 0 {
		t.expires = started.Add(lifetime)
		t.renewAt = t.expires.Add(-min(lifetime/5, maxMargin))
	}
	if old := o.current.Load(); old != nil && old.proven.Load() {
		o.streak = 0
	}
	if o.streak > 0 {
		t.quiet = min(quietStart<<min(o.streak-1, 10), quietMax)
	}
	return t
}

func (t *token) fresh(now time.Time) bool { return t.renewAt.IsZero() || now.Before(t.renewAt) }
func (t *token) alive(now time.Time) bool { return t.expires.IsZero() || now.Before(t.expires) }

// signed says whether the headers are this token's.
func (t *token) signed(h []Header) bool {
	return t != nil && len(h) == 1 && h[0].Value == t.headers[0].Value
}

// Rejected drops the token that was refused, once, however many attempts it
// signed: the next Sign renews it. A token that itself replaced a refused one
// and is refused at once is kept, because a third would be refused too.
func (o *oauth) Rejected(signed []Header) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.current.Load()
	if !t.signed(signed) {
		return true // another attempt saw to it already
	}
	if t.proven.Load() {
		o.streak = 0
	} else if t.quiet > 0 && time.Since(t.fetched) < t.quiet {
		return false
	}
	o.streak++
	o.current.Store(nil)
	return true
}

// Accepted notes that the token works, so that its refusal later is news.
func (o *oauth) Accepted(signed []Header) {
	if t := o.current.Load(); t != nil && !t.proven.Load() && t.signed(signed) {
		t.proven.Store(true)
	}
}

// Expires gives the end of the token that was issued last.
func (o *oauth) Expires(signed []Header) (time.Time, bool) {
	t := o.current.Load()
	if !t.signed(signed) || t.expires.IsZero() {
		return time.Time{}, false
	}
	return t.expires, true
}

// bearer checks what a token endpoint gave.
func bearer(t *oauth2.Token) (string, error) {
	if t.TokenType != "" && !strings.EqualFold(t.TokenType, "bearer") {
		return "", errors.New("its tokens are not of the type bearer")
	}
	if strings.ContainsFunc(t.AccessToken, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", errors.New("its token has characters that no header can carry")
	}
	return t.AccessToken, nil
}
