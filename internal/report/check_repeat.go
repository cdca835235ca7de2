package report

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/check"
)

// CheckRepeats words what shows a failure again as a command for sh. Secrets are
// shell variables: $RELAY_PASSWORD, $RELAY_API_KEY, $RELAY_TOKEN, and
// $RELAY_HEADER_… of custom headers that look like secrets. It is used by one
// goroutine.
type CheckRepeats struct {
	Settings *check.Settings
	CACert   string // the file of the CA that is trusted, "" for the system's
	Cert     string // the files of the client's certificate
	Key      string // and of its key; "" for none
	Proxy    Proxy
	Folder   string // for the files that a command needs, made when it is needed; "" saves none
	Flags    string // what a check needs beside the endpoint, as flags
	// Mask takes the secrets of the run out of what is saved; nil for none.
	Mask func([]byte) []byte

	commands map[*check.Repeat]string
	saved    int
	secrets  secrets
}

// Proxy is a proxy in words for sh, without its password; "" for none.
type Proxy struct {
	Flag string // the value of relayctl's --proxy
	URL  string // the URL, for curl
}

// of is the command that repeats r, of the check of that id; "" where there is
// none.
func (c *CheckRepeats) of(id string, r *check.Repeat) string {
	if c == nil || r == nil {
		return ""
	}
	command, ok := c.commands[r]
	if !ok {
		if c.commands == nil {
			c.commands = map[*check.Repeat]string{}
		}
		command = c.word(id, r)
		c.commands[r] = command
	}
	return command
}

// command is the command that shows a failure: the check's own, or that of the
// first part that fails.
func (c *CheckRepeats) command(o *check.Checked) string {
	if command := c.of(o.Check.ID, o.Repeat); command != "" {
		return command
	}
	for _, s := range o.Subs {
		if command := c.of(o.Check.ID, s.Repeat); s.Verdict == check.Fail && command != "" {
			return command
		}
	}
	return ""
}

// callsAlone is between the command that makes a check again and the one that only
// makes its calls.
const callsAlone = " # the calls alone: "

func (c *CheckRepeats) word(id string, r *check.Repeat) string {
	switch {
	case r.Call != nil && r.Stalled:
		return "(printf '{'; sleep 30) | curl -sS -X POST -T - -H 'Content-Type: application/json' " + c.target() + " & sleep 1; " + c.curl(r)
	case r.Call != nil:
		return c.curl(r)
	case r.Handshake != nil:
		return openSSL(r.Handshake)
	case r.Sequence != nil:
		again := c.again(id)
		if play := c.send(r.Sequence); play != "" {
			again += callsAlone + play
		}
		return again
	case r.Load != nil:
		l := r.Load
		// A record is about eight events.
		return c.relayctl("send", fmt.Sprintf("--records=%d", max(1, l.Events/8)), fmt.Sprintf("--rate %s --workers %d --time-scale %g", l.Rate, l.Workers, l.TimeScale))
	}
	return c.again(id)
}

// again is the command that makes the check again: calls and judgement.
func (c *CheckRepeats) again(id string) string {
	return c.relayctl("check", "--only "+id, fmt.Sprintf("--seed %d", c.Settings.Seed), c.Flags)
}

// mostSaved is how many files a run saves.
const mostSaved = 8

// save writes a file into the folder and returns its path. The name is the run's
// and so is never that of an earlier one.
func (c *CheckRepeats) save(name, ext string, data []byte) (string, error) {
	switch {
	case c.Folder == "":
		return "", errors.New("saving is off")
	case c.saved == mostSaved:
		return "", fmt.Errorf("%d files of this run are there already", mostSaved)
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return "", err
	}
	c.saved++
	path := filepath.Join(c.Folder, fmt.Sprintf("%s-%s-%d.%s", name, c.Settings.RunID, c.saved, ext))
	if c.Mask != nil {
		data = c.Mask(data)
	}
	return path, os.WriteFile(path, data, 0o600)
}

// send is the command that plays a sequence, "" where that cannot be saved.
func (c *CheckRepeats) send(s *check.Sequence) string {
	ext := "jsonl"
	if s.Scenario {
		ext = "yaml"
	}
	path, err := c.save(s.Name, ext, s.Data)
	if err != nil {
		return ""
	}
	var flags []string
	switch {
	case s.AtOnce > 0:
		flags = append(flags, fmt.Sprintf("--spread --workers %d", s.AtOnce))
	case !s.Scenario:
		flags = append(flags, "--workers 1")
	}
	if s.Batch > 0 {
		flags = append(flags, fmt.Sprintf("--batch %d --batch-shape %s", s.Batch, s.Shape))
	}
	if s.Hurry {
		flags = append(flags, "--time-scale 0.001")
	}
	return c.relayctl("send", ShellQuote(path), flags...)
}

// relayctl is a command of relayctl's against the run's endpoint with its
// credentials, which are taken from the environment.
func (c *CheckRepeats) relayctl(verb, what string, flags ...string) string {
	words := []string{"relayctl", verb, what, "--to", c.target()}
	switch a := &c.Settings.AuthConfig; a.Kind {
	case auth.KindBasic:
		words = append(words, "--auth basic --username", ShellQuote(a.Username), "--password env:RELAY_PASSWORD")
	case auth.KindAPIKey:
		words = append(words, "--auth api-key --api-key env:RELAY_API_KEY")
	case auth.KindOAuth:
		words = append(words, "--auth oauth --token-url", ShellQuote(a.TokenURL), "--client-id", ShellQuote(a.ClientID), "--client-secret env:RELAY_CLIENT_SECRET")
		if a.Scope != "" {
			words = append(words, "--scope", ShellQuote(a.Scope))
		}
		if a.RawToken {
			words = append(words, "--raw-token")
		}
	}
	for _, h := range c.Settings.Headers {
		words = append(words, "--header", c.header(h, nil))
	}
	if c.insecure() {
		words = append(words, "--insecure")
	}
	if c.CACert != "" {
		words = append(words, "--cacert", ShellQuote(c.CACert))
	}
	if c.Cert != "" {
		words = append(words, "--client-cert", ShellQuote(c.Cert), "--client-key", ShellQuote(c.Key))
	}
	if c.Proxy.Flag != "" {
		words = append(words, "--proxy", c.Proxy.Flag)
	}
	for _, f := range flags {
		if f != "" {
			words = append(words, f)
		}
	}
	return strings.Join(words, " ")
}

func (c *CheckRepeats) insecure() bool {
	return c.Settings.TLS != nil && c.Settings.TLS.InsecureSkipVerify
}

// target is the endpoint's URL; secrets in its query are variables.
func (c *CheckRepeats) target() string {
	return c.secrets.url(c.Settings.URL, func(name, _ string) bool {
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		return capture.Sensitive(name)
	})
}

// mostShown is the size up to which a body stands in the command of a failure;
// a larger one is saved beside it.
const mostShown = 8 << 10

// curl is the command that makes a call again, byte for byte.
func (c *CheckRepeats) curl(r *check.Repeat) string {
	k := r.Call
	cmd := curlCommand{
		options: []string{"-i --http1.1 -A relayctl"}, method: cmp.Or(k.Method, http.MethodPost), url: c.target(), body: k.Body,
		headers: []string{withoutHeader("Accept")},
	}
	if k.Timeout > 0 {
		cmd.options = append(cmd.options, fmt.Sprintf("--max-time %g", k.Timeout.Seconds()))
	}
	if c.insecure() {
		cmd.options = append(cmd.options, "-k")
	}
	if c.CACert != "" {
		cmd.options = append(cmd.options, "--cacert "+ShellQuote(c.CACert))
	}
	if c.Cert != "" {
		cmd.options = append(cmd.options, "--cert "+ShellQuote(c.Cert)+" --key "+ShellQuote(c.Key))
	}
	if c.Proxy.URL != "" {
		cmd.options = append(cmd.options, "-x "+c.Proxy.URL)
	}
	switch k.ContentType {
	case "-":
		cmd.headers = append(cmd.headers, withoutHeader("Content-Type"))
	default:
		cmd.headers = append(cmd.headers, headerWord("Content-Type", cmp.Or(k.ContentType, "application/json")))
	}
	for _, list := range [][]auth.Header{c.Settings.Headers, k.Headers, k.Signed} {
		for _, h := range list {
			cmd.headers = append(cmd.headers, c.header(h, r.Secrets))
		}
	}
	note := ""
	if len(k.Body) > mostShown {
		path, err := c.save("body", "json", k.Body)
		if cmd.file = path; err != nil {
			cmd.file, note = "BODY", fmt.Sprintf(" # the body of %d bytes is not saved: %v", len(k.Body), err)
		}
		cmd.headers = append(cmd.headers, withoutHeader("Expect"))
	}
	return cmd.String() + note
}

// header writes a header as a word, with a variable in the place of a secret or
// of a telling beginning of one.
func (c *CheckRepeats) header(h auth.Header, known []check.Secret) string {
	for _, s := range known {
		i, n := shared(h.Value, s.Text)
		if n == 0 {
			continue
		}
		expression, printed := c.expression(s)
		if n < len(s.Text) {
			expression = "$(" + printed + " | cut -c1-" + fmt.Sprint(n) + ")"
		}
		word := ShellQuote(h.Name+": "+h.Value[:i]) + `"` + expression + `"`
		if rest := h.Value[i+n:]; rest != "" {
			word += ShellQuote(rest)
		}
		return word
	}
	if c.configured(h) && capture.SecretHeader(h.Name, h.Value) && h.Value != "" {
		return ShellQuote(h.Name+": ") + c.secrets.word("HEADER_"+h.Name)
	}
	return headerWord(h.Name, h.Value)
}

func (c *CheckRepeats) configured(h auth.Header) bool {
	for _, own := range c.Settings.Headers {
		if own == h {
			return true
		}
	}
	return false
}

// expression is how sh writes a secret inside double quotes, and a command that
// prints it.
func (c *CheckRepeats) expression(s check.Secret) (expression, printed string) {
	if s.Kind == check.SecretPair {
		printed = "printf %s " + ShellQuote(c.Settings.AuthConfig.Username+":") + `"$RELAY_PASSWORD" | base64 | tr -d '\n'`
		return "$(" + printed + ")", printed
	}
	variable := map[check.SecretKind]string{
		check.SecretPassword: "$RELAY_PASSWORD", check.SecretKey: "$RELAY_API_KEY", check.SecretToken: "$RELAY_TOKEN", check.SecretClientSecret: "$RELAY_CLIENT_SECRET",
	}[s.Kind]
	return variable, `printf %s "` + variable + `"`
}

// leastShared is how much of a secret has to show for it to be one.
const leastShared = 8

// shared finds where in a value a secret, or a telling beginning of it, stands,
// and how many of its bytes do; 0 when it does not.
func shared(value, secret string) (at, n int) {
	need := min(leastShared, len(secret))
	if at = strings.Index(value, secret[:need]); need == 0 || at < 0 {
		return 0, 0
	}
	for n < len(secret) && at+n < len(value) && value[at+n] == secret[n] {
		n++
	}
	return at, n
}

// openSSL is the command that makes a handshake.
func openSSL(h *check.Handshake) string {
	s := fmt.Sprintf("openssl s_client -connect %s -servername %s", ShellQuote(h.Host+":"+h.Port), ShellQuote(h.Host))
	switch h.Version {
	case tls.VersionTLS10:
		s += " -tls1 -cipher ALL:@SECLEVEL=0"
	case tls.VersionTLS11:
		s += " -tls1_1 -cipher ALL:@SECLEVEL=0"
	}
	if h.Verify {
		s += " -verify_return_error"
	}
	s += " </dev/null"
	if h.Dates {
		s += " 2>/dev/null | openssl x509 -noout -enddate"
	}
	return s
}
