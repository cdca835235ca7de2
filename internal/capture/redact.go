package capture

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"relayctl/internal/mask"
)

// Redacted stands in a record for a value that is a secret.
const Redacted = mask.Shown

// Redactor takes the secrets out of what is recorded. The zero value knows the
// names that commonly carry one.
type Redactor struct {
	Names []string // more header names to redact, in any case
}

// Headers copies a request's headers for a record, sorted by name, several
// values joined by a comma, and the values of sensitive ones replaced by
// Redacted. Names that look like credentials are sensitive, and those listed.
func Headers(h http.Header, sensitive ...string) []Header {
	return Redactor{Names: sensitive}.Headers(h)
}

// Sensitive says whether a header, or a query parameter, of that name may
// carry a secret.
func Sensitive(name string) bool { return Redactor{}.Sensitive(name) }

// SecretHeader says whether the value of a header that a user gives is taken for a
// secret: by the header's name, or because it is more than a common word or two,
// such as staging or application/json. R-HEADERS is for credentials.
func SecretHeader(name, value string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Type", "Host", "User-Agent":
		return false
	}
	return Sensitive(name) || !commonWords().MatchString(value)
}

var commonWords = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]{0,6}|[A-Z]?[a-z]{0,12}([-/;, _.=][a-z]{1,12})?)$`)
})

// Headers is the function Headers with the redactor's names.
func (r Redactor) Headers(h http.Header) []Header {
	out := make([]Header, 0, len(h))
	for name, values := range h {
		value := Redacted
		if !r.Sensitive(name) {
			value = joined(values)
		}
		out = append(out, Header{name, value})
	}
	slices.SortFunc(out, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func joined(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ", ")
}

// Sensitive says whether a header, or a query parameter, of that name may
// carry a secret.
func (r Redactor) Sensitive(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Host", "User-Agent":
		return r.listed(name) // the common ones, quickly
	}
	n := strings.ToLower(name)
	for _, part := range []string{"authoriz", "apikey", "cookie", "token", "secret", "passw", "passphrase", "credential", "signature", "session", "private"} {
		if strings.Contains(n, part) {
			return true
		}
	}
	// Short words count only as words: a key is a secret, a keyboard is not.
	for word := range strings.FieldsFuncSeq(n, func(c rune) bool { return c == '-' || c == '_' || c == '.' }) {
		switch word {
		case "key":
			if n != "idempotency-key" {
				return true
			}
		case "keys", "auth", "jwt", "pwd", "pass", "pin", "otp", "sig", "hmac", "sid":
			return true
		}
	}
	return r.listed(name)
}

func (r Redactor) listed(name string) bool {
	return slices.ContainsFunc(r.Names, func(s string) bool { return strings.EqualFold(s, name) })
}

// Target returns a request's path and query for a record, with the values of
// sensitive query parameters replaced. What is not sensitive stays byte for byte.
func (r Redactor) Target(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	params := strings.Split(query, "&")
	for i, p := range params {
		raw, _, hasValue := strings.Cut(p, "=")
		name, err := url.QueryUnescape(raw)
		if err != nil {
			name = raw
		}
		if hasValue && r.Sensitive(name) {
			params[i] = raw + "=" + Redacted
		}
	}
	return path + "?" + strings.Join(params, "&")
}

// ShortestMasked is how many bytes a secret has at least for it to be taken out of a text:
// a shorter one stands by chance in any text.
const ShortestMasked = 4

// Mask returns a function that replaces the secrets of a request's headers in what
// was answered to it, in each form in which an app may echo them: plain, in base64
// and percent-encoded. The function returns its argument where there are none.
func (r Redactor) Mask(h http.Header) func([]byte) []byte {
	var forms []string
	for name, values := range h {
		if !r.Sensitive(name) {
			continue
		}
		for _, v := range values {
			for _, secret := range secretsOf(v) {
				if len(secret) >= ShortestMasked {
					forms = append(forms, secret, url.QueryEscape(secret), url.PathEscape(secret),
						base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)))
				}
			}
		}
	}
	// The longest first: one may hold another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return func(text []byte) []byte {
		for _, f := range forms {
			text = bytes.ReplaceAll(text, []byte(f), []byte(Redacted))
		}
		return text
	}
}

// secretsOf are the secrets in the value of a header: all of it, what stands after
// the scheme, and the password of basic credentials.
func secretsOf(value string) []string {
	secrets := []string{value}
	_, rest, ok := strings.Cut(value, " ")
	if !ok {
		return secrets
	}
	rest = strings.TrimSpace(rest)
	secrets = append(secrets, rest)
	if plain, err := base64.StdEncoding.DecodeString(rest); err == nil {
		if _, password, ok := strings.Cut(string(plain), ":"); ok {
			secrets = append(secrets, string(plain), password)
		}
	}
	return secrets
}
