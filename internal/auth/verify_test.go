package auth

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

func mustNew(t testing.TB, cfg Config) Scheme {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func basicScheme(t testing.TB) Scheme {
	return mustNew(t, Config{Kind: KindBasic, Username: "relay", Password: NewSecret("p:ä ss")})
}

func TestSignedHeadersAreSpeltLikeRelay(t *testing.T) {
	for _, tc := range []struct {
		cfg  Config
		want []Header
	}{
		{Config{}, nil},
		{Config{Kind: "none"}, nil},
		{Config{Kind: "basic", Username: "u", Password: NewSecret("p")}, []Header{{"Authorization", "basic dTpw"}}},
		{Config{Kind: "api-key", APIKey: NewSecret("k 1")}, []Header{{"ApiKey", "k 1"}}},
	} {
		s := mustNew(t, tc.cfg)
		got, err := s.Sign(t.Context())
		if err != nil || len(got) != len(tc.want) || len(got) > 0 && got[0] != tc.want[0] {
			t.Errorf("%q: %v, %v; want %v", tc.cfg.Kind, got, err, tc.want)
		}
		h := http.Header{}
		for _, f := range got {
			h.Set(f.Name, f.Value)
		}
		if v := s.Verify(h); !v.OK {
			t.Errorf("%q refuses its own headers: %s", tc.cfg.Kind, v.Reason)
		}
		if s.Rejected(got) {
			t.Errorf("%q: signing again cannot help", tc.cfg.Kind)
		}
	}
}

func TestVerifyBasic(t *testing.T) {
	s := basicScheme(t)
	good := b64("relay:p:ä ss")
	for _, tc := range []struct{ value, want string }{
		{"basic " + good, ""},
		{"Basic " + good, ""},
		{"BASIC " + good, ""},
		{"bAsIc   " + good, ""},
		{"basic " + good + "  ", ""},
		{"", "the Authorization header is empty"},
		{"   ", "the Authorization header is empty"},
		{"basic", "the Authorization header ends after basic"},
		{"basic ", "the Authorization header ends after basic"},
		{"basic" + good, "the Authorization scheme is not basic"},
		{"basic\t" + good, "the Authorization scheme is not basic"},
		{good, "the Authorization scheme is not basic"},
		{"Bearer " + good, "the Authorization scheme is not basic"},
		{"basic " + good[:len(good)-1], "the basic credentials are not base64"},
		{"basic " + good[:5] + "\n" + good[5:], "the basic credentials are not base64"},
		{"basic " + strings.Replace(good, "w==", "x==", 1), "the basic credentials are not base64"}, // bits left over
		{"basic " + good + " x", "the basic credentials are not base64"},
		{"basic %%%", "the basic credentials are not base64"},
		{"basic relay:p:ä ss", "the basic credentials are not base64"},
		{"basic " + b64("relay"), "the basic credentials have no colon"},
		{"basic " + b64(":"), "wrong username or password"},
		{"basic " + b64("relay:"), "wrong username or password"},
		{"basic " + b64("relay:p:ä s"), "wrong username or password"},
		{"basic " + b64("relay:p:ä sss"), "wrong username or password"},
		{"basic " + b64("Relay:p:ä ss"), "wrong username or password"},
		{"basic " + b64("relay:p:\xe4 ss"), "wrong username or password"},
		{"basic " + b64(strings.Repeat("x", 1<<16)+":"), "wrong username or password"},
	} {
		v := s.Verify(http.Header{"Authorization": {tc.value}})
		if v.Reason != tc.want || v.OK != (tc.want == "") {
			t.Errorf("%.60q: %v %q, want %q", tc.value, v.OK, v.Reason, tc.want)
		}
	}
}

func TestVerifyFindsHeadersInAnyCase(t *testing.T) {
	key := mustNew(t, Config{Kind: KindAPIKey, APIKey: NewSecret("k-1")})
	for _, tc := range []struct {
		h    http.Header
		want string
	}{
		{http.Header{"Apikey": {"k-1"}}, ""},
		{http.Header{"ApiKey": {"k-1"}}, ""},
		{http.Header{"apikey": {" k-1\t"}}, ""},
		{http.Header{"APIKEY": {"k-1"}}, ""},
		{http.Header{}, "no ApiKey header"},
		{nil, "no ApiKey header"},
		{http.Header{"Api-Key": {"k-1"}}, "no ApiKey header"},
		{http.Header{"Authorization": {"k-1"}}, "no ApiKey header"},
		{http.Header{"Apikey": {"k-1", "k-1"}}, "more than one ApiKey header"},
		{http.Header{"apikey": {"k-1"}, "APIKEY": {"k-1"}}, "more than one ApiKey header"},
		{http.Header{"Apikey": {""}}, "the ApiKey header is empty"},
		{http.Header{"Apikey": {"K-1"}}, "wrong API key"},
		{http.Header{"Apikey": {"k-"}}, "wrong API key"},
		{http.Header{"Apikey": {"k-11"}}, "wrong API key"},
	} {
		if v := key.Verify(tc.h); v.Reason != tc.want || v.OK != (tc.want == "") {
			t.Errorf("%v: %v %q, want %q", tc.h, v.OK, v.Reason, tc.want)
		}
	}
	if v := basicScheme(t).Verify(http.Header{"authorization": {"basic " + b64("relay:p:ä ss")}}); !v.OK {
		t.Error(v.Reason)
	}
}

func TestNewNamesTheSetting(t *testing.T) {
	for _, tc := range []struct {
		cfg  Config
		want string
	}{
		{Config{Kind: "baisc"}, `auth is one of none, basic, api-key, oauth, not "baisc"; did you mean "basic"?`},
		{Config{Kind: "basic", Password: NewSecret("p")}, "auth basic needs username"},
		{Config{Kind: "basic", Username: "u"}, "auth basic needs password"},
		{Config{Kind: "basic", Username: "u:v", Password: NewSecret("p")}, "username contains a colon, which separates it from the password"},
		{Config{Kind: "basic", Username: "u", Password: NewSecret("hush\n")}, "password contains a control character or a line break"},
		{Config{Kind: "api-key"}, "auth api-key needs api-key"},
		{Config{Kind: "api-key", APIKey: NewSecret("hush\r\nX: y")}, "api-key contains a control character or a line break"},
		{Config{Kind: "api-key", APIKey: NewSecret(" hush")}, "api-key begins or ends with a space, which HTTP would cut off"},
		{Config{Kind: "oauth"}, "auth oauth needs token-url, client-id and client-secret"},
		{Config{Kind: "oauth", TokenURL: "https://h/t"}, "auth oauth needs client-id and client-secret"},
		{Config{Kind: "oauth", TokenURL: "https://h/t", ClientID: "c"}, "auth oauth needs client-secret"},
		{oauthConfig("h/t"), "token-url is not a URL such as https://host/oauth/token"},
		{oauthConfig("ftp://h/t"), "token-url is not a URL such as https://host/oauth/token"},
		{oauthConfig("https://u:hush@h/t"), "token-url contains credentials, which belong to client-id and client-secret"},
		{oauthConfig("http://example.test/t"), "token-url sends the client secret over plain http: use https"},
	} {
		_, err := New(tc.cfg)
		if err == nil || err.Error() != tc.want {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
	for _, u := range []string{"http://localhost:1/t", "http://127.0.0.1/t", "http://[::1]/t", "https://example.test/t"} {
		if _, err := New(oauthConfig(u)); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	issuer, err := NewIssuer(IssuerConfig{ClientID: "c", ClientSecret: NewSecret("s"), TTL: time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	good, err := issuer.sign("")
	if err != nil {
		f.Fatal(err)
	}
	good2, err := issuer.sign("other")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "basic", "basic " + b64("relay:p:ä ss"), "Bearer " + good, good, "bearer a.b.c", "basic =", "k-1", "\t k-1 ", "\rk-1"} {
		f.Add(s)
	}
	key := mustNew(f, Config{Kind: KindAPIKey, APIKey: NewSecret("k-1")})
	basic, bearer := basicScheme(f), issuer.Scheme()
	f.Fuzz(func(t *testing.T, value string) {
		trimmed := strings.TrimSpace(value)
		if v := key.Verify(http.Header{"Apikey": {value}}); v.OK != (strings.Trim(value, " \t") == "k-1") {
			t.Errorf("api-key takes %q: %v", value, v)
		}
		h := http.Header{"Authorization": {value}}
		if v := basic.Verify(h); v.OK && !strings.HasSuffix(trimmed, b64("relay:p:ä ss")) {
			t.Errorf("basic takes %q", value)
		}
		if v := bearer.Verify(h); v.OK && !strings.HasSuffix(trimmed, good) && !strings.HasSuffix(trimmed, good2) {
			t.Errorf("oauth takes %q", value)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	issuer, err := NewIssuer(IssuerConfig{ClientID: "c", ClientSecret: NewSecret("s")})
	if err != nil {
		b.Fatal(err)
	}
	text, err := issuer.sign("")
	if err != nil {
		b.Fatal(err)
	}
	for _, bc := range []struct {
		name   string
		scheme Scheme
		h      http.Header
	}{
		{"basic", basicScheme(b), http.Header{"Authorization": {"basic " + b64("relay:p:ä ss")}}},
		{"oauth", issuer.Scheme(), http.Header{"Authorization": {"Bearer " + text}}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := bc.scheme.Verify(bc.h); !v.OK {
					b.Fatal(v.Reason)
				}
			}
		})
	}
}
