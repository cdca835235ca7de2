package input

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, tc := range []struct {
		data, want string
		err        error
	}{
		{"name: x", "name: x", nil},
		{"\uFEFFname: x", "name: x", nil},
		{"", "", nil},
		{"ab", "ab", nil},
		{"\xff\xfen\x00a\x00", "", errUTF16},
		{"\xfe\xff\x00n\x00a", "", errUTF16},
		{"n\x00a\x00", "", errUTF16},
		{"\x00n\x00a", "", errUTF16},
	} {
		got, err := Text([]byte(tc.data))
		if !errors.Is(err, tc.err) || err == nil && string(got) != tc.want {
			t.Errorf("%q: got %q, %v", tc.data, got, err)
		}
		r := bufio.NewReader(strings.NewReader(tc.data))
		if err := SkipMark(r); !errors.Is(err, tc.err) {
			t.Errorf("%q: read piece by piece: %v", tc.data, err)
		}
		if rest, _ := io.ReadAll(r); tc.err == nil && string(rest) != tc.want {
			t.Errorf("%q: read piece by piece: %q", tc.data, rest)
		}
	}
}

func TestReadFileHasABound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(path, make([]byte, 2048), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(t.Context(), path, 1024); err == nil || !strings.HasSuffix(err.Error(), "long is larger than 1 KiB") {
		t.Error(err)
	}
	if data, err := ReadFile(t.Context(), path, 2048); err != nil || len(data) != 2048 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := Open(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	s := NewStream(ctx, r)
	go cancel()
	if _, err := io.ReadAll(s); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What came whole can be checked and then read again.
func TestAhead(t *testing.T) {
	whole := NewStream(t.Context(), strings.NewReader("all of it")).Ahead()
	for range 2 {
		data, err := io.ReadAll(whole)
		if err != nil || string(data) != "all of it" {
			t.Errorf("%q, %v", data, err)
		}
		if _, err := whole.(io.Seeker).Seek(0, io.SeekStart); err != nil {
			t.Error(err)
		}
	}
}

// What goes on for ever is not read beyond the bound.
func TestNoMoreIsReadThanTheBound(t *testing.T) {
	r := &endless{}
	if data, more, err := AtMost(r, 1000); len(data) != 1000 || !more || err != nil || r.n != 1001 {
		t.Errorf("%d bytes, more: %v, %v, after %d bytes", len(data), more, err, r.n)
	}
}

type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	e.n += len(p)
	return len(p), nil
}
