//go:build unix

package input

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	// Whoever still waits for a writer has one then.
	t.Cleanup(func() {
		if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
			f.Close()
		}
	})
	return path
}

func TestAFIFOWithoutAWriter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Open(ctx, fifo(t))
	if err != nil {
		t.Fatal(err)
	}
	go cancel()
	if _, err := io.ReadAll(f); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAFIFOIsReadOnce(t *testing.T) {
	path := fifo(t)
	go func() { _ = os.WriteFile(path, []byte("what was written"), 0o600) }()
	data, err := ReadFile(t.Context(), path, 1<<10)
	if err != nil || string(data) != "what was written" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestADeviceHasABound(t *testing.T) {
	if _, err := ReadFile(t.Context(), "/dev/zero", 1<<20); err == nil || err.Error() != "/dev/zero is larger than 1 MiB" {
		t.Error(err)
	}
}
