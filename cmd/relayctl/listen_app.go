package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/http/httpguts"

	"relayctl/internal/auth"
	"relayctl/internal/recv/forward"
)

// appOptions are the flags that say how the app behind --forward is called.
type appOptions struct {
	headers  []string
	cacert   string
	insecure bool
	proxy    string
}

func (o *appOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	headerFlag(cmd, &o.headers, "forward-header", "", "header 'K: V' that the app gets beside those that came; the value may be env:NAME or file:PATH")
	f.StringVar(&o.cacert, "forward-cacert", "", "PEM `file` of a CA that the app's certificate is checked with, on loopback too")
	f.BoolVar(&o.insecure, "forward-insecure", false, "trust any certificate of the app; on loopback that is so without --forward-cacert")
	proxyFlag(cmd, &o.proxy)
}

// options reads what the flags name.
func (o *appOptions) options(a *app, timeout time.Duration) (opt forward.Options, err error) {
	opt = forward.Options{Timeout: timeout, Insecure: o.insecure, Header: http.Header{}, Mask: a.secrets.Bytes}
	for i, text := range o.headers {
		name, value, ok := strings.Cut(text, ":")
		name = strings.TrimSpace(name)
		if !ok || !httpguts.ValidHeaderFieldName(name) {
			// It is not repeated: it may hold a secret.
			return opt, fmt.Errorf("--forward-header number %d is not of the form 'Name: value'", i+1)
		}
		secret, err := auth.ResolveSecret(a.interrupt, strings.TrimSpace(value), a.env)
		if err != nil {
			return opt, fmt.Errorf("--forward-header %s: %w", name, err)
		}
		if !httpguts.ValidHeaderFieldValue(secret.Reveal()) {
			return opt, fmt.Errorf("--forward-header %s: its value has characters that no header may have", name)
		}
		a.secrets.Add(secret.Reveal())
		opt.Header.Add(name, secret.Reveal())
	}
	if o.cacert != "" {
		if o.insecure {
			return opt, errors.New("--forward-cacert has no effect with --forward-insecure")
		}
		if opt.RootCAs, err = trustedWith(a.interrupt, o.cacert); err != nil {
			return opt, fmt.Errorf("--forward-cacert: %w", err)
		}
	}
	return opt, nil
}
