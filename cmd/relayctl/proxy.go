package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/net/http/httpproxy"

	"relayctl/internal/auth"
	"relayctl/internal/recv/forward"
	"relayctl/internal/report"
	"relayctl/internal/sim/wire"
)

// proxies says through which proxy a URL is called: that of --proxy, or those of
// the environment, by whose rules loopback is never called through one. The zero
// value has none.
type proxies struct {
	forced *url.URL
	env    func(*url.URL) (*url.URL, error)
}

// noProxy is the value of --proxy that switches the environment's proxies off.
const noProxy = "none"

// proxyFlag declares --proxy.
func proxyFlag(cmd *cobra.Command, value *string) {
	f := cmd.Flags()
	f.StringVar(value, "proxy", "", "`URL` of an HTTP proxy, also for loopback, or none; unless given, HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide, never for loopback (env:NAME and file:PATH hide a password)")
	annotate(f.Lookup("proxy"), maskKey, maskURL)
}

// proxies reads the value of --proxy and the environment.
func (a *app) proxies(flag string) (*proxies, error) {
	switch flag {
	case noProxy:
		return &proxies{}, nil
	case "":
		get := func(name string) string {
			upper, _ := a.env(name)
			lower, _ := a.env(strings.ToLower(name))
			return orText(upper, lower)
		}
		_, cgi := a.env("REQUEST_METHOD") // there HTTP_PROXY is a header of the caller
		conf := httpproxy.Config{HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY"), CGI: cgi}
		return &proxies{env: conf.ProxyFunc()}, nil
	}
	value, err := auth.ResolveSecret(a.interrupt, flag, a.env)
	if err != nil {
		return nil, fmt.Errorf("--proxy: %w", err)
	}
	text := value.Reveal()
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil { // the parser's error repeats the URL, which may hold a password
		return nil, errors.New("--proxy: the URL cannot be read")
	}
	a.learnProxy(u)
	if _, err := wire.NewProxy(u, nil); err != nil {
		return nil, fmt.Errorf("--proxy: %w", err)
	}
	return &proxies{forced: u}, nil
}

// of gives the proxy of a URL, nil for none, and the setting that names it.
func (p *proxies) of(u *url.URL) (proxy *url.URL, source string, err error) {
	switch {
	case p == nil:
		return nil, "", nil
	case p.forced != nil:
		return p.forced, "--proxy", nil
	case p.env == nil:
		return nil, "", nil
	}
	source = strings.ToUpper(u.Scheme) + "_PROXY"
	if _, local := auth.Loopback(u.Hostname()); local {
		return nil, "", nil
	}
	proxy, err = p.env(u)
	if err != nil || proxy != nil && strings.HasSuffix(proxy.Host, ":") { // what httpproxy makes of a wrong port
		return nil, "", fmt.Errorf("%s: the URL of the proxy cannot be read", source) // it may hold a password
	}
	return proxy, source, nil
}

func (p *proxies) ofRequest(r *http.Request) (*url.URL, error) {
	proxy, _, err := p.of(r.URL)
	return proxy, err
}

// proxyWords is --proxy for a command that repeats a check.
func (o *endpointOptions) proxyWords() report.Proxy {
	switch {
	case o.proxy == "" || o.proxy == noProxy:
		return report.Proxy{Flag: o.proxy}
	case isReference(o.proxy):
		return report.Proxy{Flag: report.ShellQuote(o.proxy), URL: inShell(o.proxy, "")}
	case strings.Contains(o.proxy, "@"):
		return report.Proxy{Flag: "env:RELAYCTL_PROXY", URL: `"$RELAYCTL_PROXY"`}
	}
	return report.Proxy{Flag: report.ShellQuote(o.proxy), URL: report.ShellQuote(o.proxy)}
}

// shownProxy is a proxy as it may be shown.
func shownProxy(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host}
	if u.User != nil {
		return shown.String() + " with credentials"
	}
	return shown.String()
}

// proxyTo gives the proxy of an endpoint, nil for none, and tells its name.
func (a *app) proxyTo(endpoint string, p *proxies, conf *tls.Config) (*wire.Proxy, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err // cannot happen: the URL was checked
	}
	out, name, err := a.proxyOf(u, p, conf)
	if out != nil {
		a.tellProxy(name)
	}
	return out, err
}

// proxyOf gives the proxy of a URL and how it is named, nil for none.
func (a *app) proxyOf(u *url.URL, p *proxies, conf *tls.Config) (out *wire.Proxy, name string, err error) {
	proxy, source, err := p.of(u)
	if err != nil || proxy == nil {
		return nil, "", err
	}
	a.learnProxy(proxy)
	if out, err = wire.NewProxy(proxy, conf); err != nil {
		return nil, "", fmt.Errorf("%s: %w", source, err)
	}
	return out, shownProxy(proxy) + " (" + source + ")", nil
}

func (a *app) tellProxy(name string) { fmt.Fprintf(a.stderr, "through the proxy %s\n", name) }

// proxyToApps gives what finds the proxy of a call to an app, and tells the names of
// those that the routes go through, each once.
func (a *app) proxyToApps(flag string, routes []forward.Route) (func(*http.Request) (*url.URL, error), error) {
	p, err := a.proxies(flag)
	if err != nil {
		return nil, err
	}
	told := map[string]bool{"": true}
	for _, r := range routes {
		_, name, err := a.proxyOf(r.URL, p, nil)
		if err != nil {
			return nil, err
		}
		if !told[name] {
			a.tellProxy(name)
		}
		told[name] = true
	}
	return p.ofRequest, nil
}

// learnProxy keeps a proxy's password out of everything that is written.
func (a *app) learnProxy(u *url.URL) {
	password, _ := u.User.Password()
	a.secrets.AddPair(u.User.Username(), password)
}

// advice says what to do about failed calls, in the words of the flags.
func advice() wire.Advice {
	return wire.Advice{
		LocalCA:     "add --cacert FILE with the CA file that listen names",
		UnknownCA:   "--cacert FILE trusts one, --insecure any",
		OtherName:   "use a host name that the certificate is for, or have a certificate made for this name; --insecure accepts any certificate",
		ClientCert:  "--client-cert FILE --client-key FILE show one",
		Credentials: "--auth says which",
		Proxy:       "--proxy http://USER:PASSWORD@HOST:PORT, or env:NAME of a variable with that",
	}
}
