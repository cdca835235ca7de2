package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"account.deactivate", "message.delivered", "message.undelivered", "send", "listen", "off", "cert"}
	for name, want := range map[string]string{
		"account.deactive":   "account.deactivate",
		"mesage.delivered":   "message.delivered",
		"message.undelivred": "message.undelivered",
		"MESSAGE.DELIVERED":  "message.delivered",
		"snd":                "send",
		"sned":               "send",
		"lsiten":             "listen",
		"on":                 "", // which is not off
		"port":               "", // half of the letters of cert
		"zebra":              "",
		"漢字漢字漢字漢字漢字漢字":       "", // as many bytes as other names have letters

		"": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestNamesAreShownAsTheyAreTyped(t *testing.T) {
	if got, want := DidYouMean(`cust\mer`, []string{`cust\omer`}), `; did you mean "cust\omer"?`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := Quote("\x1b\n\u202e\u200b\""), `"\x1b\n\u202e\u200b\""`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestURL(t *testing.T) {
	for text, want := range map[string]string{
		"3000":                    "http://127.0.0.1:3000",
		":3000/relay":             "http://127.0.0.1:3000/relay",
		"3000/relay":              "http://127.0.0.1:3000/relay",
		"localhost":               "http://localhost",
		"127.0.0.1:3000/c/{ccid}": "http://127.0.0.1:3000/c/{ccid}",
		"[::1]:3000":              "http://[::1]:3000",
		"relay.example/hook":      "https://relay.example/hook",
		"app:3000":                "https://app:3000",

		"":                 "",
		"nowhere":          "",
		"/relay":           "",
		"local host:3000":  "",
		"user:hush@a.test": "",
		"ftp://a.test":     "",
	} {
		if got := URL(text); got != want {
			t.Errorf("URL(%q) = %q, want %q", text, got, want)
		}
	}
}
