package sim

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/sim/plan"
)

// tokenEndpoint gives tokens that live for ttl, takes a while to do so, and
// counts how often it is asked, and how often while it is asked already.
type tokenEndpoint struct {
	ttl, takes time.Duration

	mu       sync.Mutex
	given    map[string]time.Time // when each token ends
	asked    int
	asking   int
	overlaps int
}

func (e *tokenEndpoint) RoundTrip(*http.Request) (*http.Response, error) {
	e.mu.Lock()
	if e.asking++; e.asking > 1 {
		e.overlaps++
	}
	e.mu.Unlock()
	time.Sleep(e.takes)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asking--
	e.asked++
	token := fmt.Sprint("t", e.asked)
	e.given[token] = time.Now().Add(e.ttl)
	body := fmt.Sprintf(`{"access_token":%q,"token_type":"bearer","expires_in":%d}`, token, int(e.ttl.Seconds()))
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// good says whether a request's header carries a token that is alive.
func (e *tokenEndpoint) good(head string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for token, ends := range e.given {
		if strings.Contains(head, "[Bearer "+token+"]") {
			return time.Now().Before(ends)
		}
	}
	return false
}

func (e *tokenEndpoint) revokeAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.given)
}

// A minute of calls with tokens that live five seconds, all revoked once in the
// middle: they are renewed before they expire and once after the refusal, never
// two at a time, and no event is refused.
func TestTokensAreRenewedDuringARun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := &tokenEndpoint{ttl: 5 * time.Second, takes: 200 * time.Millisecond, given: map[string]time.Time{}}
		scheme, err := auth.New(auth.Config{
			Kind: auth.KindOAuth, TokenURL: "http://127.0.0.1/token", ClientID: "c", ClientSecret: auth.NewSecret("s"),
			HTTP: &http.Client{Transport: tokens},
		})
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		e := &endpoint{}
		e.answer = func(n int, _ string) int {
			if n == 303 {
				tokens.revokeAll()
			}
			if !tokens.good(e.head[n]) {
				refused++
				return 401
			}
			return 200
		}
		cfg := relay()
		cfg.Auth, cfg.Workers, cfg.Rate = scheme, 8, Rate{10, time.Second}
		var ds []plan.Delivery
		for i := range 600 {
			ds = append(ds, one(fmt.Sprint("e", i), uint64(i)))
		}
		sum, _ := e.run(t, cfg, ds...)
		// A token is renewed after four fifths of its five seconds: 15 times in a
		// minute, and once more for the revoked one.
		if sum.Accepted != 600 || tokens.overlaps != 0 || refused < 1 || refused > cfg.Workers || tokens.asked < 15 || tokens.asked > 17 || sum.Tokens != tokens.asked {
			t.Errorf("accepted %d, %d answers of 401, %d token requests of which %d overlapped, %d tokens used",
				sum.Accepted, refused, tokens.asked, tokens.overlaps, sum.Tokens)
		}
	})
}
