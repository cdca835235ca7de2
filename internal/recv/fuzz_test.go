package recv

import (
	"net/http"
	"net/netip"
	"testing"
)

func FuzzParseAllow(f *testing.F) {
	for _, seed := range []string{"staging,production", "10.0.0.0/8", "::ffff:10.0.0.1/104", "fe80::1%eth0", "1.2.3.4/33", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		prefixes, err := ParseAllow(list)
		if err != nil {
			return
		}
		for _, p := range prefixes {
			if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
				t.Errorf("%q holds %v", list, p)
			}
			if !contains(prefixes, p.Addr()) {
				t.Errorf("%q does not let its own %v in", list, p.Addr())
			}
		}
	})
}

// Whatever a client claims: behind no trusted proxy it is the peer, and behind one
// a client that is trusted itself is one that a proxy named.
func FuzzForwardedAddresses(f *testing.F) {
	for _, seed := range []string{"1.2.3.4", "1.2.3.4, 10.0.0.1", "[::1]:80", "10.0.0.1:99999", ",,", "::ffff:1.2.3.4", "fe80::1%x", "[[::1"} {
		f.Add(seed, "10.1.1.1")
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, one, two string) {
		h := http.Header{"X-Forwarded-For": {one, two}}
		stranger := netip.MustParseAddr("203.0.113.9")
		if got := clientAddr(stranger, h, proxies); got != stranger {
			t.Errorf("%q makes %v of a stranger", h, got)
		}
		if got := clientAddr(netip.MustParseAddr("::ffff:10.0.0.1"), h, proxies); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("%q makes %v", h, got)
		}
	})
}
