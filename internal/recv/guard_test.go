package recv

import (
	"fmt"
	"net/http"
	"testing"

	"relayctl/internal/recv/forward"
)

// A page that a browser shows must not reach the webhook, nor the app behind it:
// neither by a name that it rebinds nor across origins.
func TestWebhookRefusesWebPages(t *testing.T) {
	a := newFakeApp(t, func(http.ResponseWriter, *http.Request) {})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}, Hosts: []string{"Tunnel.Example"}})
	body := delivered("1")
	for i, tt := range []struct {
		host, headers string
		want          int
	}{
		{"127.0.0.1:1", "", 200},
		{"[::1]:1", "", 200},
		{"LOCALHOST.:8443", "", 200},
		{"tunnel.example", "", 200},
		{"127.0.0.1", "Sec-Fetch-Site: none\r\n", 200},
		{"rebound.example:8443", "", 403},
		{"localhost.rebound.example", "", 403},
		{"127.0.0.1", "Origin: http://127.0.0.1\r\n", 403},
		{"127.0.0.1", "Origin: null\r\n", 403},
		{"127.0.0.1", "Origin:\r\n", 403},
		{"127.0.0.1", "Sec-Fetch-Site: same-origin\r\n", 403},
		{"127.0.0.1", "Sec-Fetch-Site: cross-site\r\n", 403},
	} {
		before := len(a.requests())
		got := b.raw("POST / HTTP/1.1\r\nHost: " + tt.host + "\r\n" + tt.headers + "Content-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body)
		if passed := len(a.requests()) > before; got != tt.want || passed != (got == 200) {
			t.Errorf("%s %q: answered %d, passed on %v, want %d", tt.host, tt.headers, got, passed, tt.want)
		}
		if rc := b.received(i + 1)[i]; rc.Status != tt.want {
			t.Errorf("%s %q: shown as %d", tt.host, tt.headers, rc.Status)
		}
	}
}
