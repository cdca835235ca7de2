package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/check/state"
	"relayctl/internal/input"
	"relayctl/internal/sim/wire"
	"relayctl/internal/suggest"
)

// ProbeConfig says how the receiver's state is read from outside: by a URL or
// by a command, in which placeholders stand for a customer's ids.
type ProbeConfig struct {
	URL     string          // http or https, read with GET
	Command string          // run by sh -c
	Headers []auth.Header   // of the GET: never sent anywhere else, for redirects are not followed
	Ignore  []state.Pointer // what changes by itself
	TLS     *tls.Config     // trust, of the GET
	Proxy   func(*http.Request) (*url.URL, error)
	Dial    wire.Dial     // replaces the network; nil is that of the machine
	Timeout time.Duration // of one reading; 0 is 10 s
}

// Probe reads the receiver's state of a customer from outside. It is safe for
// concurrent use.
type Probe struct {
	uses   []string // the placeholders
	ignore []state.Pointer
	source source
}

// source is where a reading comes from: a URL or a command.
type source interface {
	// read returns what is shown of those ids, nothing when they are not known. An
	// error is not a state.
	read(ctx context.Context, ids idSet) ([]byte, error)
}

// reconnect lets the next reading take another connection than the one before.
func (p *Probe) reconnect() {
	if web, ok := p.source.(*page); ok {
		web.client.CloseIdleConnections()
	}
}

// idSet gives the placeholders' values.
type idSet map[string]string

// placeholders are the names that may stand in braces in a probe.
func placeholders() []string {
	return []string{"ccid", "event_id", "message_id", "notification_id"}
}

const (
	maxState     = 8 << 20 // of one reading
	probeTimeout = 10 * time.Second
)

// NewProbe checks the configuration: exactly one of URL and Command is set. It
// reads nothing.
func NewProbe(cfg ProbeConfig) (*Probe, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = probeTimeout
	}
	p := &Probe{ignore: cfg.Ignore}
	var err error
	if p.uses, err = usedPlaceholders(cfg.URL + cfg.Command); err != nil {
		return nil, err
	}
	if cfg.Command != "" {
		p.source = command{cfg.Command, cfg.Timeout}
		return p, nil
	}
	p.source, err = newPage(cfg)
	return p, err
}

// usedPlaceholders finds the placeholders of a template. Other braces are left
// alone: commands are full of them.
func usedPlaceholders(text string) ([]string, error) {
	var used []string
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			break
		}
		name, _, closed := strings.Cut(after, "}")
		rest = after
		if closed && slices.Contains(placeholders(), name) {
			used = append(used, name)
		} else if near := suggest.Nearest(name, placeholders()); closed && near != "" {
			return nil, fmt.Errorf("{%s} is not a placeholder; did you mean {%s}?", name, near)
		}
	}
	if len(used) == 0 {
		return nil, errors.New("it names no customer: put {ccid}, {message_id}, {notification_id} or {event_id} where the id goes")
	}
	slices.Sort(used)
	return slices.Compact(used), nil
}

// fill puts the ids into a template.
func fill(template string, ids idSet, escape func(string) string) string {
	for name, id := range ids {
		template = strings.ReplaceAll(template, "{"+name+"}", escape(id))
	}
	return template
}

// page reads a URL.
type page struct {
	path, query string // templates; query with its question mark
	headers     []auth.Header
	timeout     time.Duration
	client      *http.Client
}

func newPage(cfg ProbeConfig) (*page, error) {
	u, err := url.Parse(fill(cfg.URL, idSet{"ccid": "1", "event_id": "1", "message_id": "1", "notification_id": "1"}, url.PathEscape))
	near := suggest.URL(cfg.URL)
	switch {
	case near != "":
		return nil, fmt.Errorf("%q is not a URL; did you mean %s?", cfg.URL, near)
	case err != nil:
		return nil, fmt.Errorf("the URL cannot be read: %w", errors.Unwrap(err))
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is not a URL that begins with https:// or http://", u.Redacted())
	case u.User != nil:
		return nil, errors.New("the URL must not carry credentials; put them into a header")
	}
	if _, host, _ := strings.Cut(cfg.URL, "://"); strings.ContainsAny(strings.SplitN(host, "/", 2)[0], "{}") {
		return nil, errors.New("a placeholder cannot stand in the host's name")
	}
	transport := &http.Transport{TLSClientConfig: cfg.TLS.Clone(), Proxy: cfg.Proxy, DialContext: cfg.Dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	p := &page{path: cfg.URL, headers: cfg.Headers, timeout: cfg.Timeout, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if i := strings.IndexAny(cfg.URL, "?"); i >= 0 {
		p.path, p.query = cfg.URL[:i], cfg.URL[i:]
	}
	return p, nil
}

func (p *page) read(ctx context.Context, ids idSet) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	target := fill(p.path, ids, url.PathEscape) + fill(p.query, ids, url.QueryEscape)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("the probe's URL cannot be read: %w", err)
	}
	for _, h := range p.headers {
		req.Header.Set(h.Name, h.Value)
		if http.CanonicalHeaderKey(h.Name) == "Host" {
			req.Host = h.Value
		}
	}
	resp, err := p.client.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, errProbeLate
	}
	if err != nil {
		return nil, fmt.Errorf("the probe cannot be read: %w", cause(err))
	}
	defer resp.Body.Close()
	body, more, err := input.AtMost(resp.Body, maxState)
	switch s := resp.StatusCode; {
	case s == http.StatusNotFound, s == http.StatusGone:
		return nil, nil
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return nil, fmt.Errorf("the probe is refused with status %d: it needs credentials in a header", s)
	case s >= 300 && s < 400:
		return nil, fmt.Errorf("the probe is redirected to %s, and redirects are not followed; name that URL", resp.Header.Get("Location"))
	case s < 200 || s >= 400:
		return nil, fmt.Errorf("the probe answers status %d, which does not show a state", s)
	case err != nil:
		return nil, fmt.Errorf("the probe's answer ends too early: %w", cause(err))
	case more:
		return nil, fmt.Errorf("the probe's answer is larger than %d MiB", maxState>>20)
	}
	return body, nil
}

// errProbeLate is what a probe that hangs comes to.
var errProbeLate = errors.New("the probe does not answer in time")

// cause takes the URL, which may hold a secret, out of an error of net/http.
func cause(err error) error {
	var ue *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &ue):
		return ue.Err
	}
	return err
}

// command reads what a command prints.
type command struct {
	template string
	timeout  time.Duration
}

func (c command) read(ctx context.Context, ids idSet) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for name, id := range ids {
		// An id may stand inside quotes of any kind, so no quoting is right
		// everywhere: only what means nothing to a shell gets in.
		if !plain(id) {
			return nil, fmt.Errorf("the %s %q is not safe in a command", name, id)
		}
	}
	out, stderr, err := runShell(ctx, fill(c.template, ids, func(s string) string { return s }), maxState)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("the command of %w", errProbeLate)
	case errors.As(err, &exit) && exit.ExitCode() == 1 && len(out) == 0 && stderr == "":
		return nil, nil // what grep and jq -e say of nothing found
	case err != nil:
		return nil, fmt.Errorf("the probe's command fails: %s", cmp.Or(stderr, err.Error()))
	}
	return out, nil
}

// plain says whether an id means nothing to a shell.
func plain(id string) bool {
	return id != "" && !strings.HasPrefix(id, "-") && strings.IndexFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:@+", r)
	}) < 0
}
