package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/check"
	"relayctl/internal/check/state"
	"relayctl/internal/report"
)

// probeOptions are the flags of the probe, which shows the receiver's state.
type probeOptions struct {
	url, command string
	headers      []string
	ignore       []string
	proxy        func(*http.Request) (*url.URL, error) // of the endpoint's flags
}

func (o *probeOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "The receiver's state")()
	f := cmd.Flags()
	f.StringVar(&o.url, "probe", "", "`URL` that shows what the receiver knows of {ccid} (or {event_id}, {message_id}, {notification_id}), as JSON or text")
	f.StringVar(&o.command, "probe-cmd", "", "`command` that prints it instead")
	headerFlag(cmd, &o.headers, "probe-header", "", "header 'K: V' for --probe; the value may be env:NAME or file:PATH")
	f.StringSliceVar(&o.ignore, "probe-ignore", nil, "JSON `pointers` to what changes by itself, such as /stats or /events/*/row")
}

// probe is what the flags came to, nil where there is none.
func (o *probeOptions) probe(a *app, run *check.Settings) (*check.Probe, error) {
	if o.url == "" && o.command == "" {
		if len(o.headers)+len(o.ignore) > 0 {
			return nil, fmt.Errorf("--probe-header and --probe-ignore need --probe or --probe-cmd")
		}
		return nil, nil
	}
	if o.url != "" && o.command != "" {
		return nil, fmt.Errorf("--probe and --probe-cmd exclude each other")
	}
	if o.url == "" && len(o.headers) > 0 {
		return nil, fmt.Errorf("--probe-header goes with --probe, not with --probe-cmd")
	}
	cfg := check.ProbeConfig{URL: o.url, Command: o.command, TLS: run.TLS, Proxy: o.proxy}
	var err error
	if cfg.Headers, err = a.secretHeaders("probe-header", o.headers, likelySecret); err != nil {
		return nil, err
	}
	for _, s := range o.ignore {
		p, ok := state.ParsePointer(s)
		if !ok {
			return nil, fmt.Errorf("--probe-ignore: %q is not a JSON pointer such as /updated_at or /events/*/id", s)
		}
		cfg.Ignore = append(cfg.Ignore, p)
	}
	flag := "--probe"
	if o.command != "" {
		flag = "--probe-cmd"
	}
	p, err := check.NewProbe(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return p, nil
}

// leaveOut says how the places of a state that change by themselves are left out.
func leaveOut(pointers []string) string {
	if len(pointers) == 0 {
		return "--probe-ignore leaves out what changes by itself"
	}
	return "as far as was seen, --probe-ignore " + report.ShellQuote(strings.Join(pointers, ",")) + " leaves out what changes by itself"
}
