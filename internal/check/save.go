package check

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"relayctl/internal/auth"
	"relayctl/internal/sim"
)

// Save writes a file into the run's folder, which is made when it is first
// needed, and returns its path. The name is the run's and so is never that of
// an earlier one. An error says that nothing is saved.
func (e *Env) Save(name, ext string, data []byte) (string, error) {
	if e.SaveDir == "" {
		return "", errors.New("saving is off")
	}
	if err := os.MkdirAll(e.SaveDir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(e.SaveDir, fmt.Sprintf("%s-%s-%d.%s", name, e.RunID, e.saved.Add(1), ext))
	return path, os.WriteFile(path, data, 0o600)
}

// SaveSequence saves deliveries as JSON Lines and returns the command that
// sends them again in their order: bytes that stand on one line are the same.
func (e *Env) SaveSequence(name string, deliveries ...sim.Delivery) string {
	var b bytes.Buffer
	for _, d := range deliveries {
		b.Write(bytes.ReplaceAll(d.Body, []byte("\n"), []byte(" ")))
		b.WriteByte('\n')
	}
	path, err := e.Save(name, "jsonl", b.Bytes())
	if err != nil {
		return ""
	}
	return e.SendCommand(path, "--workers 1")
}

// SendCommand is the relayctl command that sends a file to the run's endpoint
// with its credentials, which are taken from the environment.
func (e *Env) SendCommand(file string, flags ...string) string {
	words := []string{"relayctl send", quote(file), "--to", e.shellURL()}
	c := &e.AuthCfg
	switch c.Kind {
	case auth.KindBasic:
		words = append(words, "--auth basic --username", quote(c.Username), "--password env:RELAY_PASSWORD")
	case auth.KindAPIKey:
		words = append(words, "--auth api-key --api-key env:RELAY_API_KEY")
	case auth.KindOAuth:
		words = append(words, "--auth oauth --token-url", quote(c.TokenURL), "--client-id", quote(c.ClientID), "--client-secret env:RELAY_CLIENT_SECRET")
		if c.Scope != "" {
			words = append(words, "--scope", quote(c.Scope))
		}
		if c.RawToken {
			words = append(words, "--raw-token")
		}
	}
	for _, h := range e.Headers {
		words = append(words, "--header", e.header(h))
	}
	if e.TLS != nil && e.TLS.InsecureSkipVerify {
		words = append(words, "--insecure")
	}
	if e.CACert != "" {
		words = append(words, "--cacert", quote(e.CACert))
	}
	return strings.Join(append(words, flags...), " ")
}
