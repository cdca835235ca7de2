package auth

import "testing"

func TestLoopback(t *testing.T) {
	for host, want := range map[string]string{
		"localhost": "localhost", "LOCALHOST": "localhost", "localhost.": "localhost", "LocalHost.": "localhost", "app.localhost": "localhost", "app.localhost.": "localhost",
		"127.0.0.1": "127.0.0.1", "127.1": "127.0.0.1", "127.0.1": "127.0.0.1", "127.0.0.1.": "127.0.0.1", "127.2.3": "127.2.0.3",
		"127.65536": "127.1.0.0", "127.9.9.9": "127.9.9.9", "::1": "::1", "::ffff:127.0.0.1": "::ffff:127.0.0.1",
	} {
		if addr, ok := Loopback(host); !ok || addr != want {
			t.Errorf("%s: %q, %v; want %q", host, addr, ok, want)
		}
	}
	for _, host := range []string{
		"", ".", "example.com", "localhost.example.com", "notlocalhost", "127", "127.", "127.1.example.com", "127.0.0.0.1", "128.1",
		"127.x", "127.256.1", "127.0.65536", "127.16777216", "127.-1", "10.0.0.1", "::2", "0.0.0.0", "127.0.0.1.nip.io",
	} {
		if _, ok := Loopback(host); ok {
			t.Errorf("%s is taken for this machine", host)
		}
	}
}
