package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/input"
	"relayctl/internal/mask"
)

// maxSecretFile bounds what is read as a secret: a path given by mistake must
// not load a disk image.
const maxSecretFile = 64 << 10

// Secret is a value that must not be seen. Printed in any way, marshalled or
// logged, it shows a placeholder; only Reveal gives it away. The zero value is
// the empty secret.
//
// The text stands behind a pointer because fmt prints unexported fields of
// foreign structs without asking their methods.
type Secret struct {
	text *string
	_    [0]func() // not comparable by ==, which would compare the pointers
}

// NewSecret wraps s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{text: &s}
}

// Reveal returns the secret's text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero says whether the secret is empty.
func (s Secret) IsZero() bool { return s.text == nil }

// String returns a placeholder, "" for the empty secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask.Shown
}

// GoString returns a placeholder.
func (s Secret) GoString() string { return "auth.Secret(" + s.String() + ")" }

// Format prints a placeholder whatever the verb.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	// A failed write is the printer's to report.
	_, _ = io.WriteString(f, text)
}

// MarshalText gives a placeholder to JSON, YAML and slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// digest is the hash of an expected value. Comparing hashes hides the length
// as well as how much of a guess was right.
type digest [sha256.Size]byte

func sum(s string) digest { return sha256.Sum256([]byte(s)) }

func (d digest) matches(s string) bool {
	got := sum(s)
	return subtle.ConstantTimeCompare(d[:], got[:]) == 1
}

// ResolveSecret turns what the user wrote into the secret: env:NAME is looked
// up with env, file:PATH is the file's content without its last line break,
// anything else is taken literally; "" is the empty secret. A byte order mark
// before the file's content is taken off. The file may be a pipe; ctx ends the
// wait for its writer. Errors name the variable or the file, never a value.
func ResolveSecret(ctx context.Context, value string, env func(string) (string, bool)) (Secret, error) {
	if name, ok := strings.CutPrefix(value, "env:"); ok {
		return secretFromEnv(name, env)
	}
	if path, ok := strings.CutPrefix(value, "file:"); ok {
		return secretFromFile(ctx, path)
	}
	return NewSecret(value), nil
}

func secretFromEnv(name string, env func(string) (string, bool)) (Secret, error) {
	if name == "" {
		return Secret{}, errors.New("env: needs the name of an environment variable")
	}
	v, ok := env(name)
	switch {
	case !ok:
		return Secret{}, fmt.Errorf("environment variable %s is not set", name)
	case v == "":
		return Secret{}, fmt.Errorf("environment variable %s is empty", name)
	}
	return NewSecret(v), nil
}

func secretFromFile(ctx context.Context, path string) (Secret, error) {
	if path == "" {
		return Secret{}, errors.New("file: needs the path of a file that holds the secret")
	}
	b, err := input.ReadFile(ctx, path, maxSecretFile)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot read the secret: %w", err)
	}
	if b, err = input.Text(b); err != nil {
		return Secret{}, fmt.Errorf("secret file %s: %w", path, err)
	}
	// Editors and echo end a file with a line break that is not meant.
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" {
		return Secret{}, fmt.Errorf("secret file %s is empty", path)
	}
	return NewSecret(text), nil
}
