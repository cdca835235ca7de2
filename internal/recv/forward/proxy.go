package forward

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// refused is what a proxy answered in place of the app, which has not seen the request.
type refused struct {
	proxy  string // host:port
	status int
}

// Error implements error.
func (r *refused) Error() string {
	if r.status == http.StatusProxyAuthRequired || r.status == http.StatusUnauthorized {
		return fmt.Sprintf("the proxy %s asks for credentials, or for others (%d)", r.proxy, r.status)
	}
	return fmt.Sprintf("the proxy %s makes no connection: it answered %d %s", r.proxy, r.status, http.StatusText(r.status))
}

// tunnelled tells what the proxy of an https app answered to the request for a tunnel.
func tunnelled(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &refused{proxy.Host, resp.StatusCode}
}

// byProxy is the error of an answer that is the proxy's own. Another status than 407 of
// an http app could as well be the app's.
func (f *Apps) byProxy(req *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusProxyAuthRequired || f.opt.Proxy == nil {
		return nil
	}
	if proxy, err := f.opt.Proxy(req); err == nil && proxy != nil {
		return &refused{proxy.Host, resp.StatusCode}
	}
	return nil
}
