package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/check"
)

// probeOptions are the flags of the probe, which shows the receiver's state.
type probeOptions struct {
	url, command string
	headers      []string
	ignore       []string
}

func (o *probeOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "The receiver's state")()
	f := cmd.Flags()
	f.StringVar(&o.url, "probe", "", "`URL` that shows what the receiver knows of {ccid} (or {event_id}, {message_id}, {notification_id}), as JSON or text")
	f.StringVar(&o.command, "probe-cmd", "", "`command` that prints it instead")
	f.StringArrayVar(&o.headers, "probe-header", nil, "header 'K: V' for --probe; the value may be env:NAME or file:PATH")
	f.StringSliceVar(&o.ignore, "probe-ignore", nil, "JSON `pointers` to what changes by itself, such as /stats or /events/*/row")
}

// probe is what the flags came to, nil where there is none.
func (o *probeOptions) probe(a *app, env *check.Env) (*check.Probe, error) {
	if o.url == "" && o.command == "" {
		if len(o.headers)+len(o.ignore) > 0 {
			return nil, fmt.Errorf("--probe-header and --probe-ignore need --probe or --probe-cmd")
		}
		return nil, nil
	}
	if o.url == "" && len(o.headers) > 0 {
		return nil, fmt.Errorf("--probe-header goes with --probe, not with --probe-cmd")
	}
	cfg := check.ProbeConfig{URL: o.url, Command: o.command, Ignore: o.ignore, TLS: env.TLS}
	for i, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			// It is not repeated: it may hold a secret.
			return nil, fmt.Errorf("--probe-header number %d is not of the form 'Name: value'", i+1)
		}
		secret, err := auth.ResolveSecret(strings.TrimSpace(value), a.env)
		if err != nil {
			return nil, fmt.Errorf("--probe-header %s: %w", name, err)
		}
		cfg.Headers = append(cfg.Headers, auth.Header{Name: name, Value: secret.Reveal()})
	}
	return check.NewProbe(cfg)
}
