package forward

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// What a route leads to makes a request that a server reads.
func FuzzParseRoute(f *testing.F) {
	for _, seed := range []string{"http://127.0.0.1:3000/a?b=c", "notification.*=http://127.0.0.1:3000/sms", "http://127.0.0.1:1/a b?q=a b", "http://[::1%25eth0]:1/", "http://a\r\nb/", "=http://a", "3000", "http://:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		route, err := ParseRoute(text)
		if err != nil {
			return
		}
		if u := route.URL; u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			t.Errorf("%q leads to %q", text, u)
		}
		req, err := http.NewRequest(http.MethodPost, route.URL.String(), http.NoBody)
		if err != nil {
			t.Fatalf("%q leads to %q: %v", text, route.URL, err)
		}
		var b strings.Builder
		if err := req.Write(&b); err != nil {
			return // such as a host that cannot be written: no request goes out
		}
		if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String()))); err != nil {
			t.Errorf("%q makes the request %q: %v", text, b.String(), err)
		}
	})
}
