package forward

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/suggest"
)

// Route sends the requests of some events to an app.
type Route struct {
	Filter event.Filter // by event name; a batch goes where its first event goes
	// URL is the app's. With a path it is called as it is, without one the
	// request's own path is kept; the request's query is kept either way.
	URL *url.URL
}

// ParseRoute reads one --forward: a URL, or PATTERN=URL for some events only,
// such as 'notification.*=http://127.0.0.1:3000/sms'.
func ParseRoute(text string) (Route, error) {
	pattern, target := "", text
	if before, rest, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(before, ":/?") { // otherwise the = is of a URL's query
		if strings.TrimSpace(before) == "" {
			return Route{}, errors.New("the event pattern before = is missing")
		}
		pattern, target = before, rest
	}
	filter, err := event.ParseFilter(pattern)
	if err != nil {
		return Route{}, err
	}
	u, err := parseTarget(target)
	return Route{Filter: filter, URL: u}, err
}

func parseTarget(target string) (*url.URL, error) {
	if target == "" {
		return nil, errors.New("the URL is missing")
	}
	u, err := url.Parse(target)
	switch bare := !strings.Contains(target, "://"); {
	case (bare || err != nil) && strings.Contains(target, "@"):
		return nil, errors.New("what was given is not a URL") // it may hold a password
	case bare && suggest.URL(target) != "":
		return nil, fmt.Errorf("%q is not a URL; did you mean %s?", shownURL(target), suggest.URL(shownURL(target)))
	case bare || err != nil:
		return nil, fmt.Errorf("%q is not a URL", shownURL(target))
	}
	port, perr := strconv.ParseUint(cmp.Or(u.Port(), "1"), 10, 16)
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is not an http or https URL", shownURL(u.Redacted()))
	case u.User != nil:
		return nil, errors.New("a forward URL carries no credentials: the request's own headers are passed on")
	case u.Fragment != "":
		return nil, fmt.Errorf("%q has a fragment, which no request carries", shownURL(u.Redacted()))
	case perr != nil || port == 0:
		return nil, fmt.Errorf("%q is not a port; ports go from 1 to 65535", u.Port())
	}
	u.RawQuery = escaped(u.RawQuery)
	return u, nil
}

// escaped is a query as it may stand in a request line: what people paste may have
// blanks in it.
func escaped(query string) string {
	var b strings.Builder
	for _, c := range []byte(query) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// shownURL is a URL as it may be shown: without the secrets of its query.
func shownURL(text string) string { return capture.Redactor{}.Target(text) }
