package main

import "testing"

// A container has to listen on all addresses, and whoever does so on a laptop is told.
func TestWhoCanReachAListener(t *testing.T) {
	const all = "all addresses of this machine"
	for addr, want := range map[string]string{
		"127.0.0.1:8443": "", "[::1]:8443": "", "localhost:0": "", "127.0.0.2:1": "", ":8443": "",
		"0.0.0.0:8443": all, "[::]:8443": all, "192.0.2.1:8443": "192.0.2.1", "example.test:8443": "example.test",
	} {
		if got := reach(addr); got != want {
			t.Errorf("reach(%q) = %q, want %q", addr, got, want)
		}
	}
}
