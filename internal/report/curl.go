package report

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"relayctl/internal/capture"
	"relayctl/internal/report/term"
)

// mostInline bounds a body that stands in a command as it is; a longer argument
// is more than systems take.
const mostInline = 64 << 10

// curlCommand is a request as a curl command for sh, which sends it byte for
// byte. The words are quoted already.
type curlCommand struct {
	options  []string // beside those that every command has
	method   string
	url      string   // a word
	optional []string // words of their own, which a shell may leave out
	headers  []string // words
	body     []byte
	file     string // that holds the body, "" where it stands in the command
	newLines bool   // a line each for headers and body
}

func (c curlCommand) String() string {
	var b strings.Builder
	data := ""
	switch {
	case c.file != "":
		data = "--data-binary @" + ShellQuote(c.file)
	case len(c.body) > 0 && !inlineBody(c.body):
		b.WriteString("printf " + shellBytes(c.body) + " | ")
		data = "--data-binary @-"
	case len(c.body) > 0 || c.method == http.MethodPost:
		data = "--data-raw " + ShellQuote(string(c.body))
	}
	b.WriteString("curl -sS --globoff --path-as-is")
	for _, o := range c.options {
		b.WriteString(" " + o)
	}
	if chosen := map[bool]string{false: http.MethodGet, true: http.MethodPost}[data != ""]; c.method != chosen {
		b.WriteString(" -X " + ShellQuote(term.Clean(c.method)))
	}
	b.WriteString(" " + c.url)
	next := " "
	if c.newLines {
		next = " \\\n  "
	}
	for _, o := range c.optional {
		b.WriteString(next + o)
	}
	for _, h := range c.headers {
		b.WriteString(next + "-H " + h)
	}
	if data != "" {
		b.WriteString(next + data)
	}
	return b.String()
}

// inlineBody says whether a body can stand in a command that is pasted: what a
// terminal or a shell would take for something else cannot.
func inlineBody(body []byte) bool {
	return len(body) <= mostInline && utf8.Valid(body) &&
		!strings.ContainsFunc(string(body), func(r rune) bool { return r != '\n' && term.Unsafe(r) })
}

// headerWord writes a header for -H: an empty one is sent as it is.
func headerWord(name, value string) string {
	if value == "" {
		return ShellQuote(name + ";")
	}
	return ShellQuote(name + ": " + value)
}

// withoutHeader tells curl not to add a header.
func withoutHeader(name string) string { return ShellQuote(name + ":") }

// Curl writes the command for sh that makes a recorded request again: the same
// method, headers and bytes, to the endpoint at to; see RequestURL. Secrets were not
// recorded and are shell variables, whose names it returns: a header is left out
// unless its variable is set. It has only printable characters.
func Curl(rec *capture.Record, to, cacert string) (command string, variables []string) {
	var secrets secrets
	c := curlCommand{method: rec.Method, body: rec.Body, newLines: true}
	if cacert != "" {
		c.options = append(c.options, "--cacert "+ShellQuote(cacert))
	}
	c.url = secrets.url(term.Clean(RequestURL(rec, to)), func(_, value string) bool { return value == capture.Redacted })
	added := []string{"Accept", "User-Agent"}
	if len(rec.Body) > 0 || rec.Method == http.MethodPost {
		added = append(added, "Content-Type")
	}
	given := http.Header{}
	for _, h := range rec.Headers {
		given.Add(h.Name, h.Value)
		switch name := term.Clean(h.Name); http.CanonicalHeaderKey(h.Name) {
		case "Content-Length", "Transfer-Encoding", "Connection", "Host", "Expect", "Accept-Encoding": // curl's own
		default:
			word := headerWord(name, term.Clean(h.Value))
			if h.Value == capture.Redacted {
				c.optional = append(c.optional, secrets.header(name))
				continue
			}
			c.headers = append(c.headers, word)
		}
	}
	for _, name := range added {
		if given[name] == nil {
			c.headers = append(c.headers, withoutHeader(name))
		}
	}
	return c.String(), secrets
}

// CurlNotes explains the variables of a command of Curl.
func CurlNotes(variables []string) []string {
	var notes []string
	for _, v := range variables {
		if strings.HasPrefix(v, variable(queryPrefix)) {
			notes = append(notes, v+" stands for a secret of the URL, which was not recorded: set it")
		} else {
			notes = append(notes, v+" stands for a header that was not recorded: it is left out unless you set it")
		}
	}
	return notes
}

// RequestURL is where a recorded request is sent again: to itself where that has a path,
// otherwise the request's own path at it.
func RequestURL(rec *capture.Record, to string) string {
	if u, err := url.Parse(to); err == nil && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		return to
	}
	return strings.TrimSuffix(to, "/") + pathOf(rec.Path)
}

// pathOf is a request's path, also of one for a whole URL, as proxies make them.
func pathOf(target string) string {
	if _, rest, ok := strings.Cut(target, "://"); ok && target[0] != '/' {
		_, target, _ = strings.Cut(rest, "/")
		target = "/" + target
	}
	if !strings.HasPrefix(target, "/") {
		return "/"
	}
	return target
}
