// Package auth puts credentials on a request and checks them on the other side.
//
// A Scheme does both. New makes one from a Config: none, basic, API key or
// OAuth 2 client credentials; the table of schemes is in scheme.go, each scheme
// in a file of its own. An Issuer is the token endpoint of a receiver. A Secret
// holds what must never be printed.
//
// This package makes token requests and nothing else; it does not know what a
// request delivers.
package auth

import (
	"context"
	"net/http"
	"time"
)

// Scheme is one way to authenticate a webhook call. Implementations are safe
// for concurrent use.
type Scheme interface {
	// Sign returns the headers, in their exact spelling, that authenticate the
	// next attempt; they must not be changed. It may fetch a token; the error is
	// then free of secrets.
	Sign(ctx context.Context) ([]Header, error)
	// Rejected tells the scheme that an attempt signed with these headers was
	// answered 401, and returns whether signing again may help: a token is
	// renewed once.
	Rejected(signed []Header) bool
	// Accepted tells the scheme that an attempt signed with these headers was
	// answered with anything but 401, so that a later refusal is known to be news.
	Accepted(signed []Header)
	// Verify says whether a received request carries valid credentials, in time
	// that does not depend on how nearly right they are.
	Verify(h http.Header) Verdict
	// Challenge is the WWW-Authenticate value of the 401 that a refusal gets.
	Challenge() string
}

// Header is one header field.
type Header struct{ Name, Value string }

// Verdict is the result of a check.
type Verdict struct {
	OK     bool
	Reason string // why not, for the developer: "no Authorization header"; free of secrets
}

// Expirer is a Scheme whose credentials end by themselves.
type Expirer interface {
	// Expires gives the time at which the credentials in these headers end, and
	// whether it is known. Only the newest are known.
	Expires(signed []Header) (time.Time, bool)
}
