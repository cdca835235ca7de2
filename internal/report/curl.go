package report

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"relayctl/internal/capture"
)

// mostInline bounds a body that stands in a command as it is; a longer argument
// is more than systems take.
const mostInline = 64 << 10

// Curl writes the command for sh that makes a recorded request again: the same
// method, path, headers and bytes, to the endpoint at base, a URL without a
// path. Secrets were not recorded and are shell variables, whose names it
// returns. It has only printable characters.
func Curl(rec *capture.Record, base, cacert string) (command string, variables []string) {
	var secrets []string
	var b strings.Builder
	inline := inlineBody(rec.Body)
	if !inline {
		b.WriteString("printf %s " + base64.StdEncoding.EncodeToString(rec.Body) + " | base64 --decode | ")
	}
	b.WriteString("curl -sS --globoff --path-as-is")
	if cacert != "" {
		b.WriteString(" --cacert " + ShellQuote(cacert))
	}
	if method := curlMethod(rec); method != "" {
		b.WriteString(" -X " + ShellQuote(Clean(method)))
	}
	b.WriteString(" " + curlURL(base, rec.Path, &secrets))
	for _, h := range curlHeaders(rec) {
		b.WriteString(" \\\n  -H " + curlHeader(h, &secrets))
	}
	switch {
	case !inline:
		b.WriteString(" \\\n  --data-binary @-")
	case len(rec.Body) > 0 || rec.Method == http.MethodPost:
		b.WriteString(" \\\n  --data-raw " + alwaysQuote(string(rec.Body)))
	}
	return b.String(), secrets
}

// inlineBody says whether a body can stand in a command that is pasted: what a
// terminal or a shell would take for something else cannot.
func inlineBody(body []byte) bool {
	return len(body) <= mostInline && utf8.Valid(body) &&
		!strings.ContainsFunc(string(body), func(r rune) bool { return r != '\n' && unsafeRune(r) })
}

// curlMethod is the method where curl would choose another one.
func curlMethod(rec *capture.Record) string {
	chosen := http.MethodGet
	if len(rec.Body) > 0 || rec.Method == http.MethodPost {
		chosen = http.MethodPost
	}
	if rec.Method == chosen {
		return ""
	}
	return rec.Method
}

// curlHeaders are the headers that curl has to be told: not those that it makes
// itself, and nothing for those that it would add.
func curlHeaders(rec *capture.Record) []capture.Header {
	var out []capture.Header
	given := map[string]bool{}
	for _, h := range rec.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		given[name] = true
		switch name {
		case "Content-Length", "Transfer-Encoding", "Connection", "Host", "Expect", "Accept-Encoding":
			continue
		}
		out = append(out, h)
	}
	added := []string{"Accept", "User-Agent"}
	if len(rec.Body) > 0 || rec.Method == http.MethodPost {
		added = append(added, "Content-Type")
	}
	for _, name := range added {
		if !given[name] {
			out = append(out, capture.Header{Name: name, Value: dropHeader})
		}
	}
	return out
}

// dropHeader stands for a header that curl is not to send.
const dropHeader = "\x00"

func curlHeader(h capture.Header, secrets *[]string) string {
	name := Clean(h.Name)
	switch h.Value {
	case dropHeader:
		return ShellQuote(name + ":")
	case "":
		return alwaysQuote(name + ";")
	case capture.Redacted:
		return alwaysQuote(name+": ") + `"` + secretVariable(name, secrets) + `"`
	}
	return alwaysQuote(name + ": " + Clean(h.Value))
}

// curlURL is the request's URL; a secret in its query is a variable.
func curlURL(base, target string, secrets *[]string) string {
	if _, rest, ok := strings.Cut(target, "://"); ok && target[0] != '/' {
		_, target, _ = strings.Cut(rest, "/") // as proxies ask: with the whole URL
		target = "/" + target
	}
	if !strings.HasPrefix(target, "/") {
		target = "/"
	}
	path, query, ok := strings.Cut(Clean(target), "?")
	if !ok {
		return alwaysQuote(base + path)
	}
	text, plain := "", base+path+"?"
	for i, param := range strings.Split(query, "&") {
		if i > 0 {
			plain += "&"
		}
		name, value, _ := strings.Cut(param, "=")
		if value != capture.Redacted {
			plain += param
			continue
		}
		text += alwaysQuote(plain+name+"=") + `"` + secretVariable("QUERY_"+name, secrets) + `"`
		plain = ""
	}
	if plain != "" {
		text += alwaysQuote(plain)
	}
	return text
}

// secretVariable names the shell variable for a secret and notes it.
func secretVariable(name string, secrets *[]string) string {
	v := "RELAY_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	if !slices.Contains(*secrets, v) {
		*secrets = append(*secrets, v)
	}
	return "$" + v
}

func alwaysQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
