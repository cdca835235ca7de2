package web

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"relayctl/internal/session"
)

// Who does not call by an address of the inspector is refused, whatever else is right.
func TestHost(t *testing.T) {
	b := start(t, Config{})
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "localhost:1": 200, "LOCALHOST": 200, "127.0.0.1": 200, "[::1]:9": 200,
		"evil.example": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "0.0.0.0": 403,
	} {
		for _, path := range []string{"/api/requests", "/livez"} {
			status, _, _ := b.do("GET", path, "", func(r *http.Request) { r.Host = host })
			if status != want {
				t.Errorf("%s of %q: %d, want %d", path, host, status, want)
			}
		}
	}
}

func TestToken(t *testing.T) {
	b := start(t, Config{})
	none := func(r *http.Request) { r.Header.Del("Authorization") }
	cookie := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { none(r); r.AddCookie(&http.Cookie{Name: name, Value: value}) }
	}
	name := "relayctl_" + b.port()
	for what, c := range map[string]struct {
		edit func(*http.Request)
		want int
	}{
		"none":            {none, 401},
		"bearer":          {nil, 200},
		"wrong":           {header("Authorization", "Bearer "+token+"x"), 401},
		"empty":           {header("Authorization", "Bearer "), 401},
		"basic":           {header("Authorization", "Basic "+token), 401},
		"cookie":          {cookie(name, token), 200},
		"wrong cookie":    {cookie(name, "x"), 401},
		"another port's":  {cookie("relayctl_1", token), 401},
		"wrong and right": {func(r *http.Request) { cookie(name, token)(r); r.Header.Set("Authorization", "Bearer x") }, 401},
	} {
		for _, path := range []string{"/", "/api/requests", "/ui/rows", "/ui/live", "/metrics"} {
			if status, _, text := b.do("GET", path, "", c.edit); status != c.want || strings.Contains(text, token) {
				t.Errorf("%s, %s: %d, want %d", what, path, status, c.want)
			}
		}
	}
	status, h, _ := b.do("GET", "/?token="+token, "", none)
	set := h.Get("Set-Cookie")
	if status != 303 || h.Get("Location") != "/" || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") {
		t.Errorf("%d %s %s", status, h.Get("Location"), set)
	}
	if status, h, _ := b.do("GET", "/?token=wrong", "", none); status != 401 || h.Get("Set-Cookie") != "" {
		t.Errorf("a wrong token: %d", status)
	}
	for _, path := range []string{"/livez", "/readyz", "/static/inspector.css"} {
		if status, _, _ := b.do("GET", path, "", none); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// No page of another origin calls, not even from another port of this machine.
func TestCrossOrigin(t *testing.T) {
	b := start(t, Config{})
	own := strings.TrimSuffix(b.URL(), "/")
	for _, c := range []struct {
		method, path string
		headers      map[string]string
		want         int
	}{
		{"PUT", "/api/rules", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"PUT", "/api/rules", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"PUT", "/api/rules", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"PUT", "/api/rules", map[string]string{"Origin": "http://evil.example"}, 403},
		{"DELETE", "/api/requests", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		{"DELETE", "/api/requests", nil, 204},
		{"GET", "/api/requests", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"GET", "/ui/rows", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403},
		{"GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		{"GET", "/", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		{"GET", "/api/requests", map[string]string{"Origin": "http://evil.example"}, 403},
		{"GET", "/api/requests", map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 403},
		{"GET", "/api/requests", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		{"GET", "/api/requests", map[string]string{"Origin": "null"}, 403},
		{"GET", "/api/requests", map[string]string{"Origin": own}, 200},
		{"GET", "/", map[string]string{"Origin": "http://evil.example"}, 403},
		{"GET", "/metrics", map[string]string{"Origin": "http://evil.example"}, 403},
		{"GET", "/livez", map[string]string{"Origin": "http://evil.example"}, 403},
		{"GET", "/livez", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"PUT", "/api/rules", map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200},
		{"PUT", "/api/rules", map[string]string{"Origin": own}, 200},
	} {
		status, h, _ := b.do(c.method, c.path, "{}", func(r *http.Request) {
			for name, value := range c.headers {
				r.Header.Set(name, value)
			}
		})
		if status != c.want || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s %v: %d, want %d", c.method, c.path, c.headers, status, c.want)
		}
	}
}

// An address that others reach needs a token of the user's.
func TestOpenAddress(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "relay.example:0"} {
		if s, err := New(session.New(session.Config{}), Config{Addr: addr}); err != ErrOpen {
			t.Errorf("%s: %v", addr, err)
			if s != nil {
				s.Close()
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := New(session.New(session.Config{}), Config{Addr: l.Addr().String()}); err == nil {
		t.Error("an address in use was taken")
	}
}
