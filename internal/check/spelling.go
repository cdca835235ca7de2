package check

import (
	"context"
	"strings"
	"sync"

	"relayctl/internal/auth"
	"relayctl/internal/sim"
)

// spelling is how the endpoint wants the authentication scheme written. Relay
// writes "basic" (R-AUTH-BASIC); an endpoint that takes only "Basic" fails
// auth.scheme-case, but the rest of the run can still say something about it.
// Safe for concurrent use.
type spelling struct {
	mu       sync.Mutex
	known    bool // the other spelling was tried, whatever came of it
	capitals bool // and is the one that is taken
}

// tried says whether there is nothing else to try.
func (s *spelling) tried(signed []auth.Header) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known || len(signed) != 1 || !strings.HasPrefix(signed[0].Value, "basic ")
}

func (s *spelling) settle(capitals bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.capitals = true, capitals
}

// apply spells the credentials as the endpoint takes them.
func (s *spelling) apply(signed []auth.Header) []auth.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.capitals {
		return signed
	}
	return capitalised(signed)
}

// capitalised writes Basic for basic.
func capitalised(signed []auth.Header) []auth.Header {
	if len(signed) != 1 || !strings.HasPrefix(signed[0].Value, "basic ") {
		return signed
	}
	return []auth.Header{{Name: signed[0].Name, Value: "Basic" + strings.TrimPrefix(signed[0].Value, "basic")}}
}

// respell makes a call that was refused once more with the scheme in another
// case, and keeps to that when it is accepted.
func (t *Trial) respell(ctx context.Context, k sim.Call, refused Exchange) Exchange {
	x := t.exchange(ctx, k, as(capitalised(refused.Call.Signed)...))
	t.spelling.settle(x.Accepted())
	if x.Accepted() {
		return x
	}
	return refused
}

// spelt is the run's scheme as the endpoint takes it, for a sender of its own.
type spelt struct {
	auth.Scheme
	env *Env
}

func (s spelt) Sign(ctx context.Context) ([]auth.Header, error) { return s.env.Sign(ctx) }
