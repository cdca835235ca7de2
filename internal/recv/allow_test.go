package recv

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func mustAllow(t *testing.T, list string) []netip.Prefix {
	t.Helper()
	p, err := ParseAllow(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseAllow(t *testing.T) {
	list := mustAllow(t, "staging, production,10.1.2.3/8,2001:db8::/32,::ffff:192.0.2.7,::ffff:198.51.100.0/120")
	for addr, want := range map[string]bool{
		"50.112.172.205": true, "52.73.72.6": true, "52.73.72.7": false, "10.255.0.1": true, "11.0.0.1": false,
		"2001:db8::1": true, "2001:db9::1": false, "192.0.2.7": true, "192.0.2.8": false, "198.51.100.200": true, "198.51.101.1": false,
	} {
		if got := contains(list, netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	for _, bad := range []string{"", "stagin", "10.0.0.0/33", "example.com", "fe80::1%eth0", "staging,,production", "1.2.3"} {
		if _, err := ParseAllow(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, err := ParseAllow("stagin"); !strings.Contains(err.Error(), `"staging"`) {
		t.Errorf("no suggestion: %v", err)
	}
}

func TestClientAddr(t *testing.T) {
	trusted := mustAllow(t, "10.0.0.0/8,::1")
	for _, tt := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "192.0.2.1", nil, "192.0.2.1"},
		{"direct with a spoofed header", "192.0.2.1", []string{"52.73.72.6"}, "192.0.2.1"},
		{"proxy without a header", "10.0.0.1", nil, "10.0.0.1"},
		{"through a proxy", "10.0.0.1", []string{"52.73.72.6"}, "52.73.72.6"},
		{"the client's own words stand left", "10.0.0.1", []string{"52.73.72.6, 192.0.2.66"}, "192.0.2.66"},
		{"two proxies", "10.0.0.1", []string{"52.73.72.6, 10.0.0.2"}, "52.73.72.6"},
		{"two proxies, spoofed", "10.0.0.1", []string{"52.73.72.6, 192.0.2.66, 10.0.0.2"}, "192.0.2.66"},
		{"several lines", "10.0.0.1", []string{"52.73.72.6", "192.0.2.66", "10.0.0.2"}, "192.0.2.66"},
		{"the client claims to be a proxy", "10.0.0.1", []string{"52.73.72.6, 10.9.9.9, 192.0.2.66"}, "192.0.2.66"},
		{"all trusted", "10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"garbage", "10.0.0.1", []string{"52.73.72.6, what"}, "10.0.0.1"},
		{"empty", "10.0.0.1", []string{""}, "10.0.0.1"},
		{"empty word", "10.0.0.1", []string{"52.73.72.6,,10.0.0.2"}, "10.0.0.2"},
		{"with a port", "10.0.0.1", []string{"52.73.72.6:4711"}, "52.73.72.6"},
		{"IPv6 with a port", "::1", []string{"[2001:db8::5]:4711"}, "2001:db8::5"},
		{"IPv6 in brackets", "::1", []string{"[2001:db8::5]"}, "2001:db8::5"},
		{"mapped peer", "::ffff:10.0.0.1", []string{"::ffff:52.73.72.6"}, "52.73.72.6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.forwarded != nil {
				h["X-Forwarded-For"] = tt.forwarded
			}
			if got := clientAddr(netip.MustParseAddr(tt.peer), h, trusted); got.String() != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
