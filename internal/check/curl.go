package check

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/sim"
)

// mostInline is the size up to which a body stands in the command itself; a
// larger one is saved beside it.
const mostInline = 8 << 10

// Curl writes the command for sh that makes the call again, byte for byte.
// Secrets are shell variables: $RELAY_PASSWORD, $RELAY_API_KEY, $RELAY_TOKEN,
// and $RELAY_HEADER_… of custom headers that look like secrets.
func (e *Env) Curl(k sim.Call) string {
	var b strings.Builder
	pipe, data := e.data(&k)
	b.WriteString(pipe + "curl -sS -i --http1.1 -A relayctl")
	if k.Timeout > 0 {
		fmt.Fprintf(&b, " --max-time %g", k.Timeout.Seconds())
	}
	if e.TLS != nil && e.TLS.InsecureSkipVerify {
		b.WriteString(" -k")
	}
	if e.CACert != "" {
		b.WriteString(" --cacert " + quote(e.CACert))
	}
	if k.Method != "" && k.Method != http.MethodPost || k.Method == http.MethodPost && data == "" {
		b.WriteString(" -X " + quote(k.Method))
	}
	b.WriteString(" -H Accept:")
	switch k.ContentType {
	case "":
		b.WriteString(" -H 'Content-Type: application/json'")
	case "-":
		b.WriteString(" -H Content-Type:")
	default:
		b.WriteString(" -H " + quote("Content-Type: "+k.ContentType))
	}
	for _, list := range [][]auth.Header{e.Headers, k.Headers, k.Signed} {
		for _, h := range list {
			b.WriteString(" -H " + e.header(h))
		}
	}
	b.WriteString(data)
	b.WriteString(" " + e.shellURL())
	return b.String()
}

// data is what gives curl the body: a command before it, or arguments.
func (e *Env) data(k *sim.Call) (pipe, args string) {
	bodyless := k.Method != "" && k.Method != http.MethodPost && k.Method != http.MethodPut
	switch {
	case len(k.Body) == 0 && bodyless:
		return "", ""
	case len(k.Body) > mostInline:
		path, err := e.Save("body", "json", k.Body)
		if err != nil {
			return "", fmt.Sprintf(" --data-binary @BODY # the body of %d bytes is not saved: %v\n", len(k.Body), err)
		}
		return "", " -H Expect: --data-binary @" + quote(path)
	case printable(k.Body):
		return "", " --data-raw " + quote(string(k.Body))
	}
	return "printf " + printfFormat(k.Body) + " | ", " --data-binary @-"
}

// header quotes a header for -H, with a shell variable in the place of a
// secret.
func (e *Env) header(h auth.Header) string {
	if h.Value == "" {
		return quote(h.Name + ";")
	}
	for _, s := range e.secretForms() {
		if i := sharedAt(h.Value, s.text); i >= 0 {
			n := shared(h.Value[i:], s.text)
			expr := s.expr
			if n < len(s.text) {
				expr = "$(" + s.print + " | cut -c1-" + fmt.Sprint(n) + ")"
			}
			return quote(h.Name+": "+h.Value[:i]) + `"` + expr + `"` + quoteRest(h.Value[i+n:])
		}
	}
	if capture.Sensitive(h.Name) && e.custom(h) {
		return quote(h.Name+": ") + `"$RELAY_HEADER_` + variable(h.Name) + `"`
	}
	return quote(h.Name + ": " + h.Value)
}

func quoteRest(s string) string {
	if s == "" {
		return ""
	}
	return quote(s)
}

func (e *Env) custom(h auth.Header) bool {
	for _, own := range e.Headers {
		if own == h {
			return true
		}
	}
	return false
}

// variable makes a header's name the end of a shell variable's.
func variable(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// secretForm is a text that gives a secret away, and how sh writes it.
type secretForm struct {
	text  string
	expr  string // inside double quotes
	print string // a command that prints it
}

// secretForms lists what the configured credentials look like on the wire.
func (e *Env) secretForms() []secretForm {
	var forms []secretForm
	add := func(text, command string) {
		forms = append(forms, secretForm{text, "$(" + command + ")", command})
	}
	plain := func(secret auth.Secret, name string) {
		if !secret.IsZero() {
			forms = append(forms, secretForm{secret.Reveal(), "$" + name, `printf %s "$` + name + `"`})
		}
	}
	c := &e.AuthCfg
	switch c.Kind {
	case auth.KindBasic:
		pair := base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password.Reveal()))
		add(pair, `printf %s `+quote(c.Username+":")+`"$RELAY_PASSWORD" | base64 | tr -d '\n'`)
		plain(c.Password, "RELAY_PASSWORD")
	case auth.KindAPIKey:
		plain(c.APIKey, "RELAY_API_KEY")
	case auth.KindOAuth:
		for _, token := range e.seenTokens() {
			plain(auth.NewSecret(token), "RELAY_TOKEN")
		}
		plain(c.ClientSecret, "RELAY_CLIENT_SECRET")
	}
	return forms
}

// seenTokens lists the OAuth tokens that the run has used.
func (e *Env) seenTokens() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.tokens...)
}

// Sign gives the configured credentials' headers.
func (e *Env) Sign(ctx context.Context) ([]auth.Header, error) {
	signed, err := e.Auth.Sign(ctx)
	signed = e.spelling.apply(signed)
	if err == nil && e.AuthCfg.Kind == auth.KindOAuth {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, h := range signed {
			token := strings.TrimPrefix(h.Value, "Bearer ")
			if n := len(e.tokens); n == 0 || e.tokens[n-1] != token {
				e.tokens = append(e.tokens, token)
			}
		}
	}
	return signed, err
}

// leastShared is how much of a secret has to show for it to be one.
const leastShared = 8

// sharedAt finds where in a value the secret, or a telling beginning of it,
// stands; -1 when it does not.
func sharedAt(value, secret string) int {
	need := min(leastShared, len(secret))
	if need == 0 {
		return -1
	}
	return strings.Index(value, secret[:need])
}

// shared counts how many bytes two texts have in common at their beginning.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// shellURL is the endpoint's URL for sh; secrets in its query are variables.
func (e *Env) shellURL() string {
	head, query, ok := strings.Cut(e.URL, "?")
	if !ok {
		return quote(e.URL)
	}
	text, plain := "", head+"?"
	for i, p := range strings.Split(query, "&") {
		if i > 0 {
			plain += "&"
		}
		raw, _, hasValue := strings.Cut(p, "=")
		name, err := url.QueryUnescape(raw)
		if err != nil {
			name = raw
		}
		if hasValue && capture.Sensitive(name) {
			text += quote(plain+raw+"=") + `"$RELAY_QUERY_` + variable(name) + `"`
			plain = ""
			continue
		}
		plain += p
	}
	return text + quoteRest(plain)
}

// Target is the endpoint's URL without the secrets of its query.
func (e *Env) Target() string { return capture.Redactor{}.Target(e.URL) }

// quote makes a word of sh; what needs no quotes gets none.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:@%+,=", r)
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// printable says whether a body can stand in a command as it is: text without
// control characters or anything that would not show.
func printable(b []byte) bool {
	return utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == '\uFEFF'
	})
}

// printfFormat writes any bytes as a format of printf, in ASCII.
func printfFormat(b []byte) string {
	var s strings.Builder
	s.WriteByte('\'')
	for _, c := range b {
		switch {
		case c == '\n':
			s.WriteString(`\n`)
		case c == '\\':
			s.WriteString(`\\`)
		case c == '%':
			s.WriteString(`%%`)
		case c < ' ' || c >= 0x7f || c == '\'':
			fmt.Fprintf(&s, `\%03o`, c)
		default:
			s.WriteByte(c)
		}
	}
	s.WriteByte('\'')
	return s.String()
}
