package main

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
)

// headerOf reads the nth value, from 1, of a flag that takes headers. The error does not
// repeat the text, which may hold a secret.
func headerOf(flag string, n int, text string) (auth.Header, error) {
	name, value, ok := strings.Cut(text, ":")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return auth.Header{}, notAHeader(flag, n)
	}
	return auth.Header{Name: name, Value: strings.TrimSpace(value)}, nil
}

func notAHeader(flag string, n int) error {
	return fmt.Errorf("--%s number %d is not of the form 'Name: value'", flag, n)
}

// secretHeaders reads the values of a flag that takes headers whose value may be env:NAME
// or file:PATH. A value that is a secret is kept out of everything that is written.
func (a *app) secretHeaders(flag string, list []string, isSecret func(h auth.Header, text string) bool) ([]auth.Header, error) {
	var out []auth.Header
	for i, text := range list {
		h, err := headerOf(flag, i+1, text)
		if err != nil {
			return nil, err
		}
		if !httpguts.ValidHeaderFieldName(h.Name) {
			return nil, notAHeader(flag, i+1)
		}
		given := h.Value
		secret, err := auth.ResolveSecret(a.interrupt, given, a.env)
		if err != nil {
			return nil, fmt.Errorf("--%s %s: %w", flag, h.Name, err)
		}
		h.Value = secret.Reveal()
		if !httpguts.ValidHeaderFieldValue(h.Value) {
			return nil, fmt.Errorf("--%s %s: its value has characters that no header may have", flag, h.Name)
		}
		if isSecret(h, given) {
			a.secrets.Add(h.Value)
		}
		out = append(out, h)
	}
	return out, nil
}

// anySecret takes every value for a secret.
func anySecret(auth.Header, string) bool { return true }

// likelySecret takes a value for a secret if its header is known for them, or if it was
// not written on the command line.
func likelySecret(h auth.Header, text string) bool {
	return capture.SecretHeader(h.Name, h.Value) || isReference(text)
}
