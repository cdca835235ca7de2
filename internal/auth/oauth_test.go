package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const clientSecret = "s3cret/&+ä"

func oauthConfig(tokenURL string) Config {
	return Config{Kind: KindOAuth, TokenURL: tokenURL, ClientID: "client", ClientSecret: NewSecret(clientSecret)}
}

// endpoint is a token endpoint without a network, so that time can be virtual.
type endpoint struct {
	took     time.Duration // per request
	answer   func(n int64, r *http.Request) (status int, body string)
	requests atomic.Int64
	inFlight atomic.Int64
	most     atomic.Int64
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	n := e.requests.Add(1)
	if in := e.inFlight.Add(1); in > e.most.Load() {
		e.most.Store(in)
	}
	defer e.inFlight.Add(-1)
	select {
	case <-time.After(e.took):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := e.answer(n, r)
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}, "Location": {"/elsewhere"}},
		Body:   io.NopCloser(strings.NewReader(body))}, nil
}

// tokens answers with tokens t1, t2, … that live for this many seconds.
func tokens(lifetime string) func(int64, *http.Request) (int, string) {
	return func(n int64, _ *http.Request) (int, string) {
		return 200, fmt.Sprintf(`{"access_token":"t%d","token_type":"bearer","expires_in":%s}`, n, lifetime)
	}
}

func (e *endpoint) scheme(t *testing.T) Scheme {
	cfg := oauthConfig("https://id.test/token?key=" + url.QueryEscape(clientSecret))
	cfg.HTTP = &http.Client{Transport: e}
	return mustNew(t, cfg)
}

func sign(t *testing.T, s Scheme) []Header {
	t.Helper()
	h, err := s.Sign(context.Background())
	if err != nil {
		t.Error(err)
		return []Header{{}}
	}
	return h
}

func TestOneTokenRequestForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{took: time.Second, answer: tokens("3600")}
		s := e.scheme(t)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if h := sign(t, s); h[0] != (Header{"Authorization", "Bearer t1"}) {
					t.Errorf("signed with %v", h)
				}
			})
		}
		wg.Wait()
		if n := e.requests.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
	})
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Second, 3 * time.Second, 10 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			e := &endpoint{took: 50 * time.Millisecond}
			issued := map[string]time.Time{}
			var mu sync.Mutex
			e.answer = func(n int64, r *http.Request) (int, string) {
				mu.Lock()
				defer mu.Unlock()
				issued[fmt.Sprintf("Bearer t%d", n)] = time.Now()
				return tokens(fmt.Sprint(life.Seconds()))(n, r)
			}
			s := e.scheme(t)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 100 {
						h := sign(t, s)
						mu.Lock()
						age := time.Since(issued[h[0].Value])
						mu.Unlock()
						if age >= life {
							t.Errorf("signed with a token that is %s old and lives %s", age, life)
						}
						time.Sleep(life / 20)
					}
				})
			}
			wg.Wait()
			// Five lifetimes, renewed after four fifths each or half a minute early.
			if n := e.requests.Load(); n < 5 || n > 8 || e.most.Load() != 1 {
				t.Errorf("%s: %d requests, %d at once", life, n, e.most.Load())
			}
		})
	}
}

// A token is used whatever its lifetime is written like.
func TestLifetimesOfEveryForm(t *testing.T) {
	hour := time.Hour
	for text, want := range map[string]time.Duration{
		`{"access_token":"t","expires_in":3600}`:                 hour,
		`{"access_token":"t","expires_in":3600.0}`:               hour,
		`{"access_token":"t","expires_in":3600.9}`:               hour,
		`{"access_token":"t","expires_in":"3600"}`:               hour,
		`{"access_token":"t","expires_in":"3600.0"}`:             hour,
		`{"access_token":"t","expires_in":3.6e3}`:                hour,
		`{"access_token":"t","expires_in":99999999999999999999}`: math.MaxInt32 * time.Second,
		`{"access_token":"t","expires_in":1e400}`:                math.MaxInt32 * time.Second,
		`{"access_token":"t","expires_in":null}`:                 0,
		`{"access_token":"t","expires_in":"never"}`:              0,
		`{"access_token":"t","expires_in":{}}`:                   0,
		`{"access_token":"t"}`:                                   0,
		"\uFEFF" + `{"access_token":"t","expires_in":3600}`:      hour,
		"\uFEFF{\"access_token\":\"t\"}":                         0,
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &endpoint{answer: func(int64, *http.Request) (int, string) { return 200, text }}
			s := e.scheme(t)
			h := sign(t, s)
			end, ok := s.(Expirer).Expires(h)
			if h[0].Value != "Bearer t" || ok != (want > 0) || ok && time.Until(end) != want {
				t.Errorf("%s: %q, ends in %v, %v", text, h[0].Value, time.Until(end), ok)
			}
		})
	}
}

func TestOneRenewalAfterManyRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{took: time.Second, answer: tokens("3600")}
		s := e.scheme(t)
		var signed, answered sync.WaitGroup
		signed.Add(64)
		for range 64 {
			answered.Go(func() {
				h := sign(t, s)
				signed.Done()
				signed.Wait()
				if !s.Rejected(h) {
					t.Error("a first refusal is worth a renewal")
				}
				if h := sign(t, s); h[0].Value != "Bearer t2" {
					t.Errorf("signed with %v", h)
				}
			})
		}
		answered.Wait()
		if n := e.requests.Load(); n != 2 || e.most.Load() != 1 {
			t.Errorf("%d requests, %d at once; want 2, one at a time", n, e.most.Load())
		}
	})
}

func TestRefusedReplacementIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: tokens("3600")}
		s := e.scheme(t)
		for range 50 { // deliveries to an endpoint that refuses everything
			if h := sign(t, s); s.Rejected(h) {
				s.Rejected(sign(t, s))
			}
		}
		if n := e.requests.Load(); n != 2 {
			t.Errorf("%d requests at first, want 2", n)
		}
		for range 600 {
			time.Sleep(time.Second)
			if h := sign(t, s); s.Rejected(h) {
				s.Rejected(sign(t, s))
			}
		}
		if n := e.requests.Load(); n < 10 || n > 20 {
			t.Errorf("%d requests after ten minutes, want ever fewer", n)
		}
		s.Accepted(sign(t, s))
		before := e.requests.Load()
		for range 3 { // revoked again and again, but each worked
			h := sign(t, s)
			s.Accepted(h)
			if !s.Rejected(h) {
				t.Error("a token that worked is renewed")
			}
		}
		sign(t, s)
		if n := e.requests.Load() - before; n != 3 {
			t.Errorf("%d renewals, want 3", n)
		}
	})
}

func TestFailedRenewalKeepsTheLivingToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		e.answer = func(n int64, r *http.Request) (int, string) {
			if n == 1 {
				return tokens("100")(n, r)
			}
			return 400, `{"error":"invalid_client"}`
		}
		s := e.scheme(t)
		sign(t, s)
		time.Sleep(80 * time.Second)
		for range 19 {
			sign(t, s)
			time.Sleep(time.Second)
		}
		if n := e.requests.Load(); n > 6 {
			t.Errorf("%d requests to an endpoint that says no", n)
		}
		time.Sleep(5 * time.Second)
		for range 10 {
			if _, err := s.Sign(context.Background()); err == nil {
				t.Error("the token is over")
			}
		}
		if n := e.requests.Load(); n > 7 {
			t.Errorf("%d requests to an endpoint that says no", n)
		}
	})
}

func TestLivingTokenSparesAFailingEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, start := &endpoint{}, time.Now()
		e.answer = func(n int64, r *http.Request) (int, string) {
			if d := time.Since(start); d < 80*time.Second || d > 91*time.Second {
				return tokens("100")(n, r)
			}
			return 503, ""
		}
		s := e.scheme(t)
		sign(t, s)
		time.Sleep(80 * time.Second)
		for range 100 { // ten seconds
			sign(t, s)
			time.Sleep(100 * time.Millisecond)
		}
		n := e.requests.Load()
		if n < 10 || n > 12 {
			t.Errorf("%d requests, want one a second", n)
		}
		time.Sleep(2 * time.Second)
		if h := sign(t, s); h[0].Value != fmt.Sprintf("Bearer t%d", n+1) {
			t.Errorf("signed with %v after the endpoint came back", h)
		}
	})
}

func TestWaitingForATokenEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{took: 5 * time.Second, answer: tokens("60")}
		s := e.scheme(t)
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 2 { // one makes the request, the other waits for it
			wg.Go(func() {
				start := time.Now()
				if _, err := s.Sign(short); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
					t.Errorf("%v after %s", err, time.Since(start))
				}
			})
		}
		synctest.Wait()
		// The one who has time takes over and is not told of the other's end.
		wg.Go(func() { sign(t, s) })
		wg.Wait()
		if e.most.Load() != 1 {
			t.Errorf("%d requests at once", e.most.Load())
		}
	})
}

func TestTokenRequestTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&endpoint{took: time.Hour, answer: tokens("60")}).scheme(t)
		start := time.Now()
		_, err := s.Sign(context.Background())
		want := "token endpoint https://id.test/token: no answer within 10s"
		if err == nil || err.Error() != want || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %s, want %s", err, time.Since(start), want)
		}
	})
}

func TestTokenEndpointErrorsShowNoSecret(t *testing.T) {
	for _, tc := range []struct {
		status     int
		body, want string
	}{
		{401, `{"error":"invalid_client","error_description":"no client with secret ` + clientSecret + `"}`, "answered 401 invalid_client (no client with secret [redacted])"},
		{400, `{"error":"a\u001b[31m\nb"}`, "answered 400 a [31m b"},
		{500, clientSecret, "answered 500"},
		{302, "", "answered 302: redirects are not followed with credentials"},
		{200, `{"access_token":""}`, "its answer is not a token: server response missing access_token"},
		{200, `<html>` + clientSecret, "its answer is not a token: cannot parse json: invalid character '<' looking for beginning of value"},
		{200, `{"access_token":"t","token_type":"mac"}`, "its tokens are not of the type bearer"},
		{200, `{"access_token":"t\r\nX: y"}`, "its token has characters that no header can carry"},
	} {
		e := &endpoint{answer: func(int64, *http.Request) (int, string) { return tc.status, tc.body }}
		_, err := e.scheme(t).Sign(t.Context())
		want := "token endpoint https://id.test/token: " + tc.want
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	// Nothing can listen on port 0.
	cfg := oauthConfig("https://127.0.0.1:0/token?key=" + url.QueryEscape(clientSecret))
	_, err := mustNew(t, cfg).Sign(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "token endpoint https://127.0.0.1:0/token: cannot connect: ") || strings.Contains(err.Error(), "key=") {
		t.Errorf("got %v", err)
	}
}

func TestNoRedirectWithCredentials(t *testing.T) {
	var followed atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	cfg := oauthConfig(srv.URL)
	cfg.HTTP = srv.Client()
	if _, err := mustNew(t, cfg).Sign(t.Context()); err == nil || followed.Load() {
		t.Errorf("%v, followed %v", err, followed.Load())
	}
}

func TestRawTokenAndClientStyles(t *testing.T) {
	for _, style := range []string{"basic", "post"} {
		e := &endpoint{}
		e.answer = func(n int64, r *http.Request) (int, string) {
			body, _ := io.ReadAll(r.Body)
			form, _ := url.ParseQuery(string(body))
			_, _, inHeader := r.BasicAuth()
			if inHeader != (style == "basic") || form.Get("scope") != "a b" {
				return 401, `{"error":"invalid_client"}`
			}
			return tokens("1")(n, r)
		}
		cfg := oauthConfig("https://id.test/token")
		cfg.HTTP, cfg.RawToken, cfg.Scope = &http.Client{Transport: e}, true, " a  b "
		h, err := mustNew(t, cfg).Sign(t.Context())
		if err != nil || !strings.HasPrefix(h[0].Value, "t") {
			t.Errorf("%s: %v, %v", style, h, err)
		}
	}
}

func BenchmarkSignOAuth(b *testing.B) {
	cfg := oauthConfig("https://id.test/token")
	cfg.HTTP = &http.Client{Transport: &endpoint{answer: tokens("3600")}}
	s := mustNew(b, cfg)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Sign(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
