package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func newIssuer(t *testing.T, now func() time.Time) *Issuer {
	t.Helper()
	i, err := NewIssuer(IssuerConfig{ClientID: "client", ClientSecret: NewSecret(clientSecret), Scope: "push read", TTL: 2 * time.Second, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestIssuerAnswers(t *testing.T) {
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}, "client_secret": {clientSecret}}
	with := func(changes ...string) string {
		v := url.Values{}
		for k, x := range good {
			v[k] = x
		}
		for i := 0; i < len(changes); i += 2 {
			if v.Del(changes[i]); changes[i+1] != "" {
				v.Set(changes[i], changes[i+1])
			}
		}
		return v.Encode()
	}
	bare := with("client_id", "", "client_secret", "")
	basic := func(id, secret string) string { return "Basic " + b64(id+":"+secret) }
	for _, tc := range []struct {
		name, body, authorization string
		status                    int
		code                      string
	}{
		{"post", good.Encode(), "", 200, ""},
		{"basic, form-encoded", bare, basic("client", url.QueryEscape(clientSecret)), 200, ""},
		{"basic, plain", bare, basic("client", clientSecret), 200, ""},
		{"basic with the same client_id", with("client_secret", ""), basic("client", clientSecret), 200, ""},
		{"scope", with("scope", "read"), "", 200, ""},
		{"no grant_type", with("grant_type", ""), "", 400, "invalid_request"},
		{"password grant", with("grant_type", "password"), "", 400, "unsupported_grant_type"},
		{"no credentials", bare, "", 401, "invalid_client"},
		{"wrong secret", with("client_secret", "x"), "", 401, "invalid_client"},
		{"wrong id", with("client_id", "x"), "", 401, "invalid_client"},
		{"wrong basic", bare, basic("client", "x"), 401, "invalid_client"},
		{"broken basic", bare, "Basic %", 401, "invalid_client"},
		{"both ways", good.Encode(), basic("client", clientSecret), 400, "invalid_request"},
		{"another client_id", with("client_secret", "", "client_id", "x"), basic("client", clientSecret), 400, "invalid_request"},
		{"wrong scope", with("scope", "read admin"), "", 400, "invalid_scope"},
		{"twice", good.Encode() + "&scope=read&scope=push", "", 400, "invalid_request"},
		{"no form", "%zz", "", 400, "invalid_request"},
		{"empty", "", "", 401, "invalid_client"},
		{"too large", "x=" + strings.Repeat("y", maxTokenBody), "", 413, "invalid_request"},
	} {
		i := newIssuer(t, nil)
		req := httptest.NewRequest("POST", TokenPath, strings.NewReader(tc.body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		if tc.authorization != "" {
			req.Header.Set("Authorization", tc.authorization)
		}
		rec := httptest.NewRecorder()
		i.ServeHTTP(rec, req)
		var answer struct {
			Error       string `json:"error"`
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
			Scope       string `json:"scope"`
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v in %s", tc.name, err, rec.Body)
		}
		if rec.Code != tc.status || answer.Error != tc.code || rec.Header().Get("Cache-Control") != "no-store" || strings.Contains(rec.Body.String(), clientSecret) {
			t.Errorf("%s: %d %v %s, want %d %s", tc.name, rec.Code, rec.Header(), rec.Body, tc.status, tc.code)
		}
		if (rec.Code == 401) != (rec.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s: a challenge belongs to a 401 only", tc.name)
		}
		if tc.status != 200 {
			continue
		}
		if v := i.Scheme().Verify(http.Header{"Authorization": {"Bearer " + answer.AccessToken}}); !v.OK || answer.ExpiresIn != 2 || answer.TokenType != "Bearer" || answer.Scope == "" {
			t.Errorf("%s: %v %+v", tc.name, v, answer)
		}
	}
}

func TestIssuerTakesFormPostsOnly(t *testing.T) {
	i := newIssuer(t, nil)
	for _, tc := range []struct {
		method, target, contentType string
		want                        int
	}{
		{"GET", TokenPath, "application/x-www-form-urlencoded", 405},
		{"POST", TokenPath, "application/json", 400},
		{"POST", TokenPath, "", 400},
		{"POST", TokenPath + "?grant_type=client_credentials&client_id=client&client_secret=" + url.QueryEscape(clientSecret), "application/x-www-form-urlencoded", 401},
	} {
		req := httptest.NewRequest(tc.method, tc.target, nil)
		req.Header.Set("Content-Type", tc.contentType)
		rec := httptest.NewRecorder()
		i.ServeHTTP(rec, req)
		if rec.Code != tc.want || (tc.want == 405) != (rec.Header().Get("Allow") == "POST") {
			t.Errorf("%v: %d %s", tc, rec.Code, rec.Body)
		}
	}
	for _, tc := range []struct {
		cfg  IssuerConfig
		want string
	}{
		{IssuerConfig{}, "client-id and client-secret"},
		{IssuerConfig{ClientID: "c"}, "client-secret"},
		{IssuerConfig{ClientID: "c", ClientSecret: NewSecret("s"), TTL: 1500 * time.Millisecond}, "token-ttl"},
		{IssuerConfig{ClientID: "c", ClientSecret: NewSecret("s"), TTL: -1}, "token-ttl"},
	} {
		if _, err := NewIssuer(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.cfg, err)
		}
	}
}

func TestTokensExpireToTheMillisecond(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	i := newIssuer(t, func() time.Time { return at })
	s := i.Scheme()
	text, err := i.sign("push")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Authorization": {"Bearer " + text}}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{0, ""}, {1999 * time.Millisecond, ""}, {2 * time.Second, "the token has expired"}, {time.Hour, "the token has expired"}} {
		start := at
		at = at.Add(step.after)
		for _, scheme := range []Scheme{s, i.Scheme()} { // one remembers the token, one does not
			if v := scheme.Verify(h); v.Reason != step.want {
				t.Errorf("after %s: %q, want %q", step.after, v.Reason, step.want)
			}
		}
		at = start
	}
}

func TestVerifyTokens(t *testing.T) {
	i := newIssuer(t, nil)
	s := i.Scheme()
	good, err := i.sign("")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := newIssuer(t, nil).sign("")
	if err != nil {
		t.Fatal(err)
	}
	forge := func(m jwt.SigningMethod, key any, c jwt.Claims) string {
		text, err := jwt.NewWithClaims(m, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	later := seconds(time.Now().Add(time.Hour))
	full := claims{Issuer: issuerName, Subject: "client", Expires: later}
	const notOurs = "the token was not issued by this receiver since it started"
	const noJWT = "the token is not a JWT of this receiver"
	parts := strings.Split(good, ".")
	padded := parts[0] + "." + parts[1] + "." + parts[2] + "="
	// The last letter of a signature carries two bits too many.
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose := good[:len(good)-1] + string(letters[strings.IndexByte(letters, good[len(good)-1])^1])
	for _, tc := range []struct{ value, want string }{
		{"Bearer " + good, ""},
		{"Bearer " + loose, noJWT},
		{"bearer " + good, ""},
		{"BEARER   " + good, ""},
		{good, ""},
		{"Bearer", "the Authorization header ends after Bearer"},
		{"Bearer ", "the Authorization header ends after Bearer"},
		{"Basic " + good, "the Authorization scheme is not Bearer"},
		{"Token " + good, "the Authorization scheme is not Bearer"},
		{"Bearer " + foreign, notOurs},
		{"Bearer " + strings.Join([]string{parts[0], parts[1], strings.Repeat("A", 43)}, "."), notOurs},
		{"Bearer " + parts[0] + "." + parts[1], noJWT},
		{"Bearer " + padded, noJWT},
		{"Bearer Bearer " + good, noJWT},
		{"Bearer " + strings.Repeat(".", 10000), noJWT},
		{"Bearer x", noJWT},
		{"Bearer " + forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, full), notOurs},
		{"Bearer " + forge(jwt.SigningMethodHS512, i.key, full), notOurs},
		{"Bearer " + forge(jwt.SigningMethodHS256, i.key, claims{Issuer: "other", Expires: later}), notOurs},
		{"Bearer " + forge(jwt.SigningMethodHS256, i.key, jwt.MapClaims{"iss": issuerName}), "the token has expired"},
		{"Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"`)) + ".e30.x", noJWT},
	} {
		if v := s.Verify(http.Header{"Authorization": {tc.value}}); v.Reason != tc.want || v.OK != (tc.want == "") {
			t.Errorf("%.80q: %v %q, want %q", tc.value, v.OK, v.Reason, tc.want)
		}
	}
	if _, err := s.Sign(context.Background()); err == nil || !strings.HasPrefix(s.Challenge(), "Bearer ") {
		t.Error("the issuer's side verifies and challenges, and does not sign")
	}
}

func TestSenderAgainstIssuer(t *testing.T) {
	i := newIssuer(t, nil)
	srv := httptest.NewTLSServer(i)
	defer srv.Close()
	for _, raw := range []bool{false, true} {
		cfg := oauthConfig(srv.URL + TokenPath)
		cfg.HTTP, cfg.RawToken, cfg.Scope = srv.Client(), raw, "push"
		h, err := mustNew(t, cfg).Sign(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v := i.Scheme().Verify(http.Header{h[0].Name: {h[0].Value}}); !v.OK || strings.HasPrefix(h[0].Value, "Bearer ") == raw {
			t.Errorf("raw %v: %+v", raw, v)
		}
	}
	cfg := oauthConfig(srv.URL + TokenPath)
	cfg.HTTP, cfg.ClientSecret = srv.Client(), NewSecret("not it")
	if _, err := mustNew(t, cfg).Sign(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "answered 401 invalid_client (the client credentials are missing or wrong)") {
		t.Errorf("got %v", err)
	}
}
