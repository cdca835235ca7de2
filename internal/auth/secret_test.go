package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretNeverShowsItself(t *testing.T) {
	const text = "hunter2"
	type exported struct{ S Secret }
	type hidden struct{ s Secret }
	s := NewSecret(text)
	for _, v := range []any{s, &s, exported{s}, &exported{s}, hidden{s}, []Secret{s}, map[string]Secret{"a": s}, Config{Password: s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s"} {
			out := fmt.Sprintf(verb, v)
			if strings.Contains(out, text) || strings.Contains(strings.ToLower(out), fmt.Sprintf("%x", text)) {
				t.Errorf("%s of %T shows %s", verb, v, out)
			}
		}
		b, err := json.Marshal(v)
		if err != nil || bytes.Contains(b, []byte(text)) {
			t.Errorf("json of %T: %s, %v", v, b, err)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "s", s, "c", Config{APIKey: s})
	if strings.Contains(log.String(), text) {
		t.Error(log.String())
	}
	if err := fmt.Errorf("a %w, %v", os.ErrExist, s); strings.Contains(err.Error(), text) {
		t.Error(err)
	}
	if s.Reveal() != text || s.IsZero() {
		t.Error("the secret does not hold its text")
	}
	if z := NewSecret(""); !z.IsZero() || z.Reveal() != "" || z.String() != "" {
		t.Errorf("the empty secret is %q", z.String())
	}
}

func TestResolveSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"KEY": "from env", "EMPTY": ""}[name]
		return v, ok
	}
	for in, want := range map[string]string{
		"":                                 "",
		"literal":                          "literal",
		"envy:x":                           "envy:x",
		"env:KEY":                          "from env",
		"file:" + write("a", "s3cret\n"):   "s3cret",
		"file:" + write("b", "s3cret\r\n"): "s3cret",
		"file:" + write("c", " a\nb \n\n"): " a\nb \n",
		"file:" + write("bom", "\uFEFFs3cret\r\n"): "s3cret",
	} {
		if got, err := ResolveSecret(t.Context(), in, env); err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v; want %q", in, got.Reveal(), err, want)
		}
	}
	for in, want := range map[string]string{
		"env:":                         "env: needs the name of an environment variable",
		"env:NONE":                     "environment variable NONE is not set",
		"env:EMPTY":                    "environment variable EMPTY is empty",
		"file:":                        "file: needs the path of a file that holds the secret",
		"file:" + write("empty", "\n"): "secret file " + filepath.Join(dir, "empty") + " is empty",
		"file:" + write("utf16", "\xff\xfes\x003\x00"): "the text is UTF-16; save it as UTF-8",
		"file:" + dir:                     "cannot read the secret: ",
		"file:" + filepath.Join(dir, "x"): "cannot read the secret: ",
		"file:" + write("big", strings.Repeat("x", maxSecretFile+1)): "larger than 64 KiB",
	} {
		got, err := ResolveSecret(t.Context(), in, env)
		if err == nil || !strings.Contains(err.Error(), want) || !got.IsZero() {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	if _, err := ResolveSecret(t.Context(), "file:"+filepath.Join(dir, "x"), env); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}
