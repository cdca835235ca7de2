package localca

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A folder that holds something else is refused, or gives an authority that can
// issue certificates.
func FuzzAuthority(f *testing.F) {
	dir := f.TempDir()
	if _, err := Load(dir); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip()
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, keyFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := read(dir, time.Now())
		if err != nil {
			return
		}
		if _, err := a.leaf(time.Now(), []string{"localhost"}, nil); err != nil {
			t.Error(err)
		}
	})
}
