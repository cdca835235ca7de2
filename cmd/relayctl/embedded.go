package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/recv"
	"relayctl/internal/recv/script"
)

// embedded is the receiver inside the process: it listens on loopback with a
// certificate of its own and leaves nothing on the disk.
type embedded struct {
	*recv.Receiver
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
}

// prepareEmbedded prepares the embedded receiver. It expects the credentials that
// are sent, and makes up those that the user need not choose.
func (r *sendRun) prepareEmbedded() error {
	r.embedded = &recv.Config{Addr: "127.0.0.1:0"}
	rules := &script.Rules{Seed: r.plan.Seed, TimeScale: r.options.timeScale}
	tokenTTL := time.Duration(0)
	if r.scenario != nil {
		tokenTTL = r.scenario.Receiver.TokenTTL
		for i, text := range r.scenario.Receiver.Respond {
			rule, err := script.Parse(text)
			if err != nil {
				return r.scenario.Errorf(fmt.Sprintf("$.receiver.respond[%d]", i), "%v", err)
			}
			rules.Fixed = append(rules.Fixed, rule)
		}
	}
	if len(rules.Fixed) > 0 {
		r.embedded.Script = rules
	}
	return flagged(demoAuth(r.embedded, &r.auth, tokenTTL))
}

// demoAuth makes the embedded receiver expect the credentials c, completed
// by those that the user need not choose.
func demoAuth(conf *recv.Config, c *auth.Config, tokenTTL time.Duration) error {
	switch c.Kind {
	case auth.KindBasic:
		c.Username = orText(c.Username, "relay")
		c.Password = orSecret(c.Password, "demo")
	case auth.KindAPIKey:
		c.APIKey = orSecret(c.APIKey, "demo")
	case auth.KindOAuth:
		c.ClientID = orText(c.ClientID, "relay")
		c.ClientSecret = orSecret(c.ClientSecret, "demo")
	}
	return expect(conf, c, tokenTTL)
}

// expect makes a receiver expect the credentials c.
func expect(conf *recv.Config, c *auth.Config, tokenTTL time.Duration) (err error) {
	if c.Kind == auth.KindOAuth {
		issuer, err := auth.NewIssuer(auth.IssuerConfig{ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scope: c.Scope, TTL: tokenTTL})
		if err != nil {
			return err
		}
		conf.Issuer, conf.Auth = issuer, issuer.Scheme()
		return nil
	}
	conf.Auth, err = auth.New(*c)
	return err
}

func orText(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func orSecret(s auth.Secret, def string) auth.Secret {
	if s.IsZero() {
		return auth.NewSecret(def)
	}
	return s
}

// startEmbedded binds the receiver, points the sender at it and serves.
func startEmbedded(r *sendRun) (*embedded, error) {
	receiver, err := recv.New(*r.embedded)
	if err != nil {
		return nil, environment(fmt.Errorf("embedded receiver: %w", err))
	}
	r.sender.URL = receiver.URL()
	r.sender.TLS = &tls.Config{RootCAs: receiver.CertPool(), MinVersion: tls.VersionTLS12}
	r.auth.HTTP = httpClient(r.sender.TLS, nil, r.sender.Timeout)
	if r.auth.Kind == auth.KindOAuth {
		r.auth.TokenURL = receiver.URL() + "oauth/token"
	}
	if r.sender.Auth, err = auth.New(r.auth); err != nil {
		return nil, usage(flagged(err))
	}
	return serveEmbedded(receiver), nil
}

// serveEmbedded serves until stop.
func serveEmbedded(receiver *recv.Receiver) *embedded {
	ctx, cancel := context.WithCancel(context.Background())
	e := &embedded{Receiver: receiver, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(e.done)
		// Ended by stop only; what fails before shows as failed attempts.
		_ = receiver.Serve(ctx)
	}()
	return e
}

// stop ends the receiver and waits for it. It may be called twice.
func (e *embedded) stop() {
	e.once.Do(e.cancel)
	<-e.done
}
