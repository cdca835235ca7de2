package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

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
	headers, err := a.secretHeaders("forward-header", o.headers, anySecret)
	if err != nil {
		return opt, err
	}
	for _, h := range headers {
		opt.Header.Add(h.Name, h.Value)
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
