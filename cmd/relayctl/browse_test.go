package main

import (
	"strings"
	"testing"
)

func TestBrowser(t *testing.T) {
	for _, tt := range []struct{ system, env, want string }{
		{"linux", "", ""},
		{"linux", "DISPLAY=:0", "xdg-open"},
		{"freebsd", "WAYLAND_DISPLAY=wayland-0", "xdg-open"},
		{"linux", "BROWSER=firefox", "firefox"},
		{"darwin", "", "open"},
		{"windows", "", "rundll32 url.dll,FileProtocolHandler"},
	} {
		name, value, _ := strings.Cut(tt.env, "=")
		env := func(asked string) (string, bool) {
			if asked != name {
				return "", false
			}
			return value, true
		}
		if got := strings.Join(browser(tt.system, env), " "); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.system, tt.env, got, tt.want)
		}
	}
}
