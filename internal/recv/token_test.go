package recv

import (
	"fmt"
	"strings"
	"testing"

	"relayctl/internal/auth"
)

// A sender that gets no token sends nothing, so its refusals have to be told,
// each kind once.
func TestRefusedTokensAreTold(t *testing.T) {
	issuer, err := auth.NewIssuer(auth.IssuerConfig{ClientID: "id", ClientSecret: auth.NewSecret("sec")})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(b *testbed, host, secret string) int {
		form := "grant_type=client_credentials&client_id=id&client_secret=" + secret
		return b.raw(fmt.Sprintf("POST /oauth/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", host, len(form), form))
	}
	b := start(t, Config{Auth: issuer.Scheme(), Issuer: issuer})
	for range 3 {
		if got := ask(b, "localhost", "wr0ng"); got != 401 {
			t.Errorf("answered %d", got)
		}
	}
	b.told("a request for a token was answered 401: the client credentials are missing or wrong")
	ask(b, "evil.example", "sec")
	b.told("a request for a token was answered 403: it was called by the name \"evil.example\"")
	if got := ask(b, "localhost", "sec"); got != 200 {
		t.Errorf("answered %d", got)
	}
	if n := len(b.notices); n != 2 || strings.Contains(strings.Join(b.notices, " "), "wr0ng") {
		t.Errorf("%q", b.notices)
	}
	elsewhere, err := ParseAllow("production")
	if err != nil {
		t.Fatal(err)
	}
	b = start(t, Config{Auth: issuer.Scheme(), Issuer: issuer, AllowFrom: elsewhere})
	ask(b, "localhost", "sec")
	b.told("answered 403: the caller's address is not allowed (R-IP)")
}
