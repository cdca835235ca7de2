package testbed

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// TokenPath is where tokens are issued for OAuth.
const TokenPath = "/oauth/token"

// Credentials are what a receiver expects. Kind is "", "basic", "api-key" or
// "oauth".
type Credentials struct {
	Kind              string
	User, Password    string // basic
	Key               string // api-key
	Client, Secret    string // oauth
	TTL               time.Duration
	TokensNeverExpire bool
}

// Standard gives made-up credentials of a kind; OAuth tokens live for ttl.
func Standard(kind string, ttl time.Duration) Credentials {
	return Credentials{
		Kind: kind, User: "relay", Password: "Correct-Horse-7-Battery", Key: "k-7f3aQ9zLmW0x8Vb2",
		Client: "relay-client", Secret: "s3cret-of-The-client", TTL: ttl,
	}
}

type tokens struct {
	mu   lock
	ends map[string]time.Time
}

// grant is the token endpoint of the client-credentials grant.
func (r *Receiver) grant(w http.ResponseWriter, req *http.Request) {
	id, secret, ok := req.BasicAuth()
	if !ok {
		id, secret = req.FormValue("client_id"), req.FormValue("client_secret")
	}
	if id != r.Creds.Client || secret != r.Creds.Secret || req.FormValue("grant_type") != "client_credentials" {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
		return
	}
	token := "Tk." + rand.Text()
	r.tokens.mu.Lock()
	defer r.tokens.mu.Unlock()
	if r.tokens.ends == nil {
		r.tokens.ends = map[string]time.Time{}
	}
	r.tokens.ends[token] = time.Now().Add(r.Creds.TTL)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, token, int(r.Creds.TTL.Seconds()))
}

// TokenEnds gives the end of a token that was issued.
func (r *Receiver) TokenEnds(token string) (time.Time, bool) {
	r.tokens.mu.Lock()
	defer r.tokens.mu.Unlock()
	end, ok := r.tokens.ends[token]
	return end, ok
}

func (r *Receiver) authentic(req *http.Request) bool {
	switch r.Creds.Kind {
	case "basic":
		user, password, ok := req.BasicAuth()
		return ok && same(user, r.Creds.User) && same(password, r.Creds.Password)
	case "api-key":
		return same(req.Header.Get("ApiKey"), r.Creds.Key)
	case "oauth":
		end, ok := r.TokenEnds(BearerToken(req))
		return ok && (r.Creds.TokensNeverExpire || time.Now().Before(end))
	}
	return true
}

// BearerToken gives the token of a request, with or without "Bearer ".
func BearerToken(req *http.Request) string {
	value := req.Header.Get("Authorization")
	if scheme, token, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return token
	}
	return value
}

// BasicPair gives "user:password" of a request as it was sent, "" where there
// is none.
func BasicPair(req *http.Request) string {
	_, encoded, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	pair, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	return string(pair)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (r *Receiver) refuse(w http.ResponseWriter, _ *http.Request) {
	challenge := map[string]string{"basic": `Basic realm="bed"`, "api-key": `ApiKey realm="bed"`, "oauth": `Bearer realm="bed"`}
	w.Header().Set("WWW-Authenticate", challenge[r.Creds.Kind])
	w.WriteHeader(http.StatusUnauthorized)
}
