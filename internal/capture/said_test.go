package capture

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFirstText(t *testing.T) {
	for _, tc := range []struct{ name, body, want string }{
		{"nothing", " \n", ""},
		{"text", "\r\n  no consent \nsecond", "no consent"},
		{"Express", "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>TypeError: Cannot read properties of undefined (reading &#39;ccid&#39;)<br> &nbsp; &nbsp;at /app.js:3:1</pre>\n</body>\n</html>\n",
			"TypeError: Cannot read properties of undefined (reading 'ccid')"},
		{"Flask", "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n<p>The server encountered…</p>\n", "500 Internal Server Error"},
		{"http.server", "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        <style type=\"text/css\">\n  :root { color: red }\n </style>\n        <title>Error response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n        <p>Error code: 501</p>\n        <p>Message: Unsupported method (&#x27;POST&#x27;).</p>\n",
			"Message: Unsupported method ('POST')."},
		{"nginx", "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n", "502 Bad Gateway"},
		{"words in a line", "<html><!-- x --><body><p>no <b>consent</b>\nhere</p>", "no consent here"},
		{"cut in a tag", "<html><head><title>boom</title><sty", "boom"},
		{"cut in a script", "<html><script>if (a < b) {", ""},
		{"empty page", "<html><body></body></html>", ""},
		{"JSON", "{\n  \"error\": \"no consent\",\n  \"code\": 7\n}", `{ "error": "no consent", "code": 7 }`},
		{"Python", "Traceback (most recent call last):\n  File \"app.py\", line 3, in hook\n    1/0\nZeroDivisionError: division by zero\n", "ZeroDivisionError: division by zero"},
		{"Python, cut", "Traceback (most recent call last):\n  File \"app.py\", li", "Traceback (most recent call last):"},
		{"binary", "\xff\xfe\x00\x01", ""},
		{"binary in brackets", "[\xff\xfe\x00\x01]", ""},
		{"one bracket", "{", "{"},
		{"Latin-1 before a script", "<html>\xfcber\xfc<script>x</script><p>\xfcber base</p>", "ber"},
		{"a script after letters that grow", "<html>ȺȺȺȺ<SCRIPT>x</SCRIPT>", "ȺȺȺȺ"},
		{"JSON, cut in a character", `{"a":"` + strings.Repeat("x", 193) + "é\"}", `{"a":"` + strings.Repeat("x", 193)},
		{"a line, cut in a character", "no caf\xc3", "no caf"},
	} {
		if got := FirstText([]byte(tc.body)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	long := strings.Repeat("é", 500)
	if got := FirstText([]byte(long)); len(got) > mostSaid || !strings.HasPrefix(long, got) {
		t.Errorf("%q", got)
	}
}

// What an app answers comes from outside: nothing in it may panic or grow.
func FuzzFirstText(f *testing.F) {
	f.Add([]byte("<html>\xfc\xfc\xfc<script></script>"))
	f.Add([]byte("<!doctype html><title>Error</title><pre>x"))
	f.Add([]byte("Traceback (most recent call last):\n  x\nE: y"))
	f.Add([]byte(`{"a":"é"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := FirstText(body)
		if len(got) > mostSaid || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r") {
			t.Errorf("%q of %q", got, body)
		}
	})
}
