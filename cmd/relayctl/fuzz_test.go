package main

import "testing"

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"512", "64KiB", "1MB", "9223372036854775807GiB", "-1", "1.5MiB", " 2 GiB", "B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSize(text); err == nil && n < 0 {
			t.Errorf("%q is %d bytes", text, n)
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{"profiles:\n  a:\n    to: https://x/\n", "profiles: {a: {header: ['A: b']}}", "profiles:\n  a:\n    production: maybe", "profiles: [", "a: b", "profiles:\n  a:\n    'to': [1, {b: c}]"} {
		f.Add(seed)
	}
	root := newRootCmd(&app{})
	f.Fuzz(func(t *testing.T, text string) {
		profiles, err := parseConfig("relayctl.yaml", []byte(text), root)
		for name, p := range profiles {
			if err != nil || p.name != name {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

// Whatever stands in a URL: what learn takes from it is a part of it.
func FuzzPasswordsIn(f *testing.F) {
	for _, seed := range []string{"https://u:p@h/?token=t", "u:p@h", "http://h:80/@x", "curl -H 'Authorization: Bearer abcdef'", "://@", "?%zz=1&key=%"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) { passwordsIn(text) })
}
