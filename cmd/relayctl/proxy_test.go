package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// A proxy's password stands in no command that repeats a check, nor in config.
func TestAProxyInWords(t *testing.T) {
	for flag, want := range map[string]string{
		"":                     " ",
		"none":                 "none ",
		"http://p:1":           "http://p:1 http://p:1",
		"env:P":                `env:P "$P"`,
		"file:p.txt":           `file:p.txt "$(cat p.txt)"`,
		"http://u:hunter2@p:1": `env:RELAYCTL_PROXY "$RELAYCTL_PROXY"`,
	} {
		w := (&endpointOptions{proxy: flag}).proxyWords()
		if got := w.Flag + " " + w.URL; got != want {
			t.Errorf("%s: got %s, want %s", flag, got, want)
		}
	}
	for text, want := range map[string]string{
		"http://u:hunter2@p:1": "http://[redacted]@p:1", "u:hunter2@p:1": "http://[redacted]@p:1", "env:P": "env:P", "p:1": "p:1",
	} {
		if got := hidden(maskURL, text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestWhichProxy(t *testing.T) {
	for _, tc := range []struct{ flag, env, url, want string }{
		{"", "", "https://example.com/", ""},
		{"", "HTTPS_PROXY=http://p:1", "https://example.com/", "http://p:1 HTTPS_PROXY"},
		{"", "https_proxy=p:1", "https://example.com/", "http://p:1 HTTPS_PROXY"},
		{"", "HTTPS_PROXY=http://p:1", "http://example.com/", ""},
		{"", "HTTP_PROXY=http://p:1", "http://example.com/", "http://p:1 HTTP_PROXY"},
		{"", "HTTP_PROXY=http://p:1 REQUEST_METHOD=GET", "http://example.com/", "HTTP_PROXY: the URL of the proxy cannot be read"},
		{"", "HTTPS_PROXY=http://p:1 NO_PROXY=.example.com,other", "https://www.example.com/", ""},
		{"", "HTTPS_PROXY=http://p:1 NO_PROXY=*", "https://example.com/", ""},
		{"", "HTTPS_PROXY=http://p:1", "https://localhost:8443/", ""},
		{"", "HTTPS_PROXY=http://p:1", "https://LOCALHOST./", ""},
		{"", "HTTP_PROXY=http://p:1", "http://127.0.0.1/", ""},
		{"", "HTTP_PROXY=http://p:1", "http://127.1/", ""},
		{"", "HTTP_PROXY=http://p:1", "http://[::1]/", ""},
		{"none", "HTTPS_PROXY=http://p:1", "https://example.com/", ""},
		{"http://q:2", "HTTPS_PROXY=http://p:1 NO_PROXY=*", "https://example.com/", "http://q:2 --proxy"},
		{"q:2", "", "https://localhost/", "http://q:2 --proxy"},
		{"env:P", "P=http://u:hunter2@q:2", "https://example.com/", "http://q:2 with credentials --proxy"},
		{"socks5://q:2", "", "https://example.com/", `--proxy: a proxy of the kind "socks5" is not supported; its URL begins with http:// or https://`},
		{"http://u:hunter2@q:x", "", "https://example.com/", "--proxy: the URL cannot be read"},
		{"", "HTTPS_PROXY=http://u:hunter2@q:x", "https://example.com/", "HTTPS_PROXY: the URL of the proxy cannot be read"},
	} {
		a := &app{environ: strings.Fields(tc.env), interrupt: t.Context()}
		got := ""
		p, err := a.proxies(tc.flag)
		if err == nil {
			u, _ := url.Parse(tc.url)
			var proxy *url.URL
			var source string
			if proxy, source, err = p.of(u); proxy != nil {
				got = shownProxy(proxy) + " " + source
			}
		}
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s, %s, %s:\n got %s\nwant %s", tc.flag, tc.env, tc.url, got, tc.want)
		}
	}
}

// send and check go through the proxy, name it once, and show no password of it.
func TestTheProxyIsUsedAndNamed(t *testing.T) {
	var calls atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.URL.Host != "relay.test" || r.Header.Get("Proxy-Authorization") != "Basic dTpodW50ZXIy" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer proxy.Close()
	host := strings.TrimPrefix(proxy.URL, "http://")
	for _, args := range [][]string{
		{"send", "message.delivered", "--to", "http://relay.test/", "--insecure-http", "--proxy", "http://u:hunter2@" + host},
		{"check", "--only", "http.keepalive", "--to", "http://relay.test/", "--insecure-http"},
	} {
		out, stderr := &bytes.Buffer{}, &bytes.Buffer{}
		before := calls.Load()
		environ := []string{"HTTP_PROXY=http://u:hunter2@" + host, "HOME=" + t.TempDir()}
		code := run(t.Context(), t.Context(), nil, args, strings.NewReader(""), out, stderr, environ)
		all := out.String() + stderr.String()
		if code == exitUsage || calls.Load() == before || strings.Count(stderr.String(), "through the proxy http://"+host+" with credentials (") != 1 || strings.Contains(all, "hunter2") {
			t.Errorf("%v: exit code %d, %d calls\n%s", args, code, calls.Load()-before, all)
		}
	}
}
