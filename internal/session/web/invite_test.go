package web

import (
	"net/http"
	"strings"
	"testing"
)

// An invitation opens the page once: who saw it in a list of processes is late.
func TestInvitation(t *testing.T) {
	b := start(t, Config{})
	none := func(r *http.Request) { r.Header.Del("Authorization") }
	old := b.Invite()
	path := strings.TrimPrefix(b.Invite(), b.URL())
	if strings.Contains(path, token) {
		t.Fatalf("the token itself is in %s", path)
	}
	if status, h, _ := b.do("GET", "/"+strings.TrimPrefix(old, b.URL()), "", none); status != 401 || h.Get("Set-Cookie") != "" {
		t.Errorf("the invitation before the last one: %d", status)
	}
	if status, _, _ := b.do("GET", "/api/requests"+path, "", none); status != 401 {
		t.Errorf("an invitation to a call: %d", status)
	}
	status, h, _ := b.do("GET", "/"+path, "", none)
	if status != 303 || !strings.Contains(h.Get("Set-Cookie"), "="+token+";") {
		t.Errorf("%d %v", status, h)
	}
	if status, h, _ := b.do("GET", "/"+path, "", none); status != 401 || h.Get("Set-Cookie") != "" {
		t.Errorf("the second time: %d", status)
	}
}
