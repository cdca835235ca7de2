package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"account.deactivate", "message.delivered", "message.undelivered", "send", "listen", "off"}
	for name, want := range map[string]string{
		"account.deactive":   "account.deactivate",
		"mesage.delivered":   "message.delivered",
		"message.undelivred": "message.undelivered",
		"MESSAGE.DELIVERED":  "message.delivered",
		"snd":                "send",
		"sned":               "send",
		"lsiten":             "listen",
		"on":                 "", // which is not off
		"zebra":              "",
		"漢字漢字漢字漢字漢字漢字":       "", // as many bytes as other names have letters

		"": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
