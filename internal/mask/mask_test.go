package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
)

// Every form in which a secret comes back.
func encodings(user, secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	twice, _ := json.Marshal(string(quoted))
	each := func(format string) string {
		b := strings.Builder{}
		for _, c := range []byte(secret) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	runes := []rune(secret)
	swapped := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, secret)
	pair := []byte(user + ":" + secret)
	half := len(runes) / 2
	return map[string]string{
		"plain":                    secret,
		"small letters":            strings.ToLower(secret),
		"capitals":                 strings.ToUpper(secret),
		"the other case":           swapped,
		"query":                    url.QueryEscape(secret),
		"query, small letters":     strings.ToLower(url.QueryEscape(secret)),
		"path":                     url.PathEscape(secret),
		"percent, small letters":   each("%%%02x"),
		"percent, twice":           url.QueryEscape(url.QueryEscape(secret)),
		"JSON":                     string(quoted),
		"JSON in ASCII":            strconv.QuoteToASCII(secret),
		"JSON in ASCII, twice":     strconv.QuoteToASCII(strconv.QuoteToASCII(secret)),
		"JSON in UTF-16":           inUTF16(secret),
		"JSON, twice":              string(twice),
		"Go":                       fmt.Sprintf("%+q", secret),
		"HTML":                     html.EscapeString(secret),
		"HTML with names":          strings.NewReplacer("ä", "&auml;", "ö", "&ouml;", " ", "&nbsp;").Replace(html.EscapeString(secret)),
		"a shell":                  "'" + strings.ReplaceAll(secret, "'", `'\''`) + "'",
		"a shell, the other way":   "'" + strings.ReplaceAll(secret, "'", `'"'"'`) + "'",
		"printf":                   strings.NewReplacer("'", `\047`, "ä", `\303\244`, "ö", `\303\266`, "%", "%%", `\`, `\\`).Replace(secret),
		"YAML":                     "'" + strings.ReplaceAll(secret, "'", "''") + "'",
		"Markdown":                 strings.NewReplacer("*", `\*`, "_", `\_`, "<", "&lt;").Replace(secret),
		"base64":                   base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 in lines":          base64.StdEncoding.EncodeToString([]byte(secret))[:8] + "\r\n" + base64.StdEncoding.EncodeToString([]byte(secret))[8:],
		"base64 without padding":   base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs":          base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"base64 of JSON":           base64.StdEncoding.EncodeToString([]byte(`{"password":` + string(quoted) + `}`)),
		"base64 of the other":      base64.StdEncoding.EncodeToString([]byte(user + "2:" + swapped)),
		"pair":                     base64.StdEncoding.EncodeToString(pair),
		"pair, percent":            url.QueryEscape(base64.StdEncoding.EncodeToString(pair)),
		"pair of OAuth":            base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(user) + ":" + url.QueryEscape(secret))),
		"broken across lines":      strings.ReplaceAll(secret, " ", "\n      "),
		"broken anywhere":          string(runes[:half]) + "\n      " + string(runes[half:]),
		"broken anywhere, JSON":    string(runes[:half]) + `\n  ` + string(runes[half:]),
		"broken between colours":   string(runes[:half]) + "\x1b[0m\n      \x1b[1;38;5;9m" + string(runes[half:]),
		"cut short":                string(runes[:half+2]) + "…",
		"its end":                  string(runes[:5]) + "…" + string(runes[len(runes)-5:]),
		"cut short without a sign": strings.TrimSpace(string(runes[:len(runes)-len(runes)/4])),
	}
}

// inUTF16 is a text as encoders to ASCII write it in JSON.
func inUTF16(s string) string {
	b := strings.Builder{}
	for _, c := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04x`, c)
	}
	return b.String()
}

func TestEveryFormIsMasked(t *testing.T) {
	for _, secret := range []string{
		"S3cret-pässwörd", `q"uo\te<&>'d-1`, "hunter2-0123456789", "spaces and + signs/=", "0f8fad5bd9cb469fa16570867728950e", "correcthorsebattery",
		"it's*a%_Secret^😀", `50%01-of "All"`, "Ünï-Cödé-'quoted'", "two  spaces\tor three tabs", `Pa55Word-abcd-x\z1`,
	} {
		m := &Mask{}
		m.AddPair("relay", secret)
		letters := strings.Trim(secret, "abcdefghijklmnopqrstuvwxyz") == ""
		for name, shown := range encodings("relay", secret) {
			if letters && (strings.HasPrefix(name, "broken any") || name == "cut short without a sign") {
				continue // it counts as a word only
			}
			for _, around := range []string{"%s", "the answer %s was said", `{"said":"Basic %s","n":1}`} {
				text := fmt.Sprintf(around, shown)
				for way, got := range map[string]string{"whole": m.Text(text), "byte by byte": throughWriter(t, m, text, 1), "by 7": throughWriter(t, m, text, 7)} {
					if rest := remains(got, strings.TrimPrefix(strings.TrimPrefix(shown, "eyJwYXNzd29yZCI6I"), "cmVsYXkyO")); !strings.Contains(got, Shown) || rest != "" {
						t.Errorf("%s of %q in %q, %s: %q", name, secret, text, way, got)
					}
					if _, end, ok := strings.Cut(shown, "…"); ok && strings.Contains(got, end) && end != "" {
						t.Errorf("%s of %q in %q, %s: the end is left: %q", name, secret, text, way, got)
					}
				}
			}
		}
	}
}

// remains gives what is left of a text, the secrets of which were taken out, if it is
// more than a few characters in a row.
func remains(got, shown string) string {
	const few = 8
	for i := 0; i+few <= len(shown); i++ {
		if part := shown[i : i+few]; strings.Contains(got, part) && strings.Trim(part, "'\"\\ =\n\x1b") != "" {
			return part
		}
	}
	return ""
}

// A secret with an encoded percent sign is found as it is and encoded again.
func TestASecretThatLooksEncodedIsMasked(t *testing.T) {
	const secret = "100%25-Sure"
	m := &Mask{}
	m.Add(secret)
	for _, text := range []string{secret, url.QueryEscape(secret), url.QueryEscape(url.QueryEscape(secret)), "100%-Sure"} {
		if got, want := m.Text("<"+text+">"), "<"+Shown+">"; (got == want) == (text == "100%-Sure") {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// A line is shown at once, whatever its last letters are.
func TestALineDoesNotWaitForTheNext(t *testing.T) {
	m := &Mask{}
	m.Add("S3cret-0123456789")
	for _, line := range []string{"it ends with s\n", "it ends with S3\x1b[0m\n", "S3c\r\n"} {
		var b bytes.Buffer
		if _, err := m.Writer(&b).Write([]byte(line)); err != nil || b.String() != line {
			t.Errorf("of %q came %q, %v", line, b.String(), err)
		}
	}
}

// A caller's body must not keep the mask busy: the time grows with its length only.
func TestNoTextTakesLong(t *testing.T) {
	m := &Mask{}
	m.AddPair("relay", "S3cret-0123456789")
	for _, unit := range []string{`\`, `\n`, "%", "%25", "&", "\n", " ", "S3cr\n", "S3cret-0\n\n\n", "\x1b[0m", "S3cr…", "S3cret-01234567", `\u00`, "S3cr\x1b[0m", "c3mV", "+"} {
		text := "S3cret" + strings.Repeat(unit, 1<<16/len(unit))
		began := time.Now()
		m.Text(text)
		throughWriter(t, m, text, 4096)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%q: %v for 64 KiB", unit, took)
		}
	}
}

// What is not UTF-8 becomes UTF-8 on the way in several manners.
func TestASecretInLatin1IsMasked(t *testing.T) {
	const secret = "p\xe4ssw\xf6rd-42\xff\xfe"
	m := &Mask{}
	m.Add(secret)
	quoted, _ := json.Marshal(secret)
	for _, text := range []string{secret, string(quoted), fmt.Sprintf("%q", secret), strings.ToValidUTF8(secret, "\uFFFD"), strings.ToValidUTF8(secret, "?"), "pässwörd-42ÿþ"} {
		if got := m.Text("<" + text + ">"); !strings.Contains(got, Shown) || strings.Contains(got, "ssw") {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// The user of the pair need not be known.
func TestASecretWithinLongerBase64IsMasked(t *testing.T) {
	m := &Mask{}
	m.Add("S3cret-0123456789")
	for _, before := range []string{"", "a", "ab", "abc", `{"password":"`} {
		text := base64.StdEncoding.EncodeToString([]byte(before + "S3cret-0123456789" + `"}`))
		got := m.Text(text)
		plain, _ := base64.StdEncoding.DecodeString(got)
		if !strings.Contains(got, Shown) || strings.Contains(string(plain), "S3cret") {
			t.Errorf("after %q: %q", before, got)
		}
	}
}

func TestOrdinaryTextStays(t *testing.T) {
	m := &Mask{}
	m.Add("", "abc", "secret", "status", "on-the-go")
	for _, text := range []string{
		"", "abcdef", "--client-secret env:X", `{"status":200}`, `\"status\":200`, "statuses", "50% & more + \\ \n", "client_secret", "on-the-g", "100%", "a&b;c",
	} {
		if got := m.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if got := throughWriter(t, m, text, 3); got != text {
			t.Errorf("%q became %q in writes of three bytes", text, got)
		}
	}
	if got := m.Text("the secret is out"); got != "the [redacted] is out" {
		t.Error(got)
	}
}

func TestJSONStaysJSON(t *testing.T) {
	m := &Mask{}
	m.Add(`"quoted\secret"`, "nsecret\\", "tab\there")
	for _, secret := range []string{`"quoted\secret"`, "nsecret\\", "\nsecret\\", "tab\there", `a\"quoted\secret"z`} {
		line, _ := json.Marshal(map[string]string{"body": secret, "deep": `{"x":"` + secret + `"}`})
		got := m.Text(string(line))
		if !json.Valid([]byte(got)) {
			t.Errorf("%s became %s", line, got)
		}
	}
}

func TestTheOldestTokenIsForgotten(t *testing.T) {
	m := &Mask{}
	m.Add("lasting-1")
	for i := range 2 * mostTokens {
		m.AddToken(fmt.Sprintf("token-%04d", i))
	}
	if got, want := m.Text("lasting-1 token-0000 token-0015"), "[redacted] token-0000 [redacted]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func throughWriter(t *testing.T, m *Mask, text string, size int) string {
	t.Helper()
	var b bytes.Buffer
	w := m.Writer(&b)
	for i := 0; i < len(text); i += size {
		if _, err := w.Write([]byte(text[i:min(i+size, len(text))])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func FuzzMask(f *testing.F) {
	f.Add("a text with S3cret-0123 in it", 3)
	f.Add(`\\\"S3cret%2D0123&#x53;`, 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		m := &Mask{}
		m.AddPair("user", "S3cret-0123")
		whole := m.Text(text)
		if strings.Contains(whole, "S3cret-0123") {
			t.Errorf("%q still holds the secret", whole)
		}
		pieces := throughWriter(t, m, text, max(size%17, 1))
		if strings.Contains(pieces, "S3cret-0123") {
			t.Errorf("%q still holds the secret", pieces)
		}
		if json.Valid([]byte(text)) && !json.Valid([]byte(whole)) {
			t.Errorf("%s became %s, which is not JSON", text, whole)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	m := &Mask{}
	m.AddPair("relay", "S3cret-0123456789")
	m.AddToken("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U")
	line := []byte(strings.Repeat(`{\"event_id\":\"ip-10-3-0-224-668176-8h-b98185e8\",\"payload\":{\"message_name\":\"Payment reminder\"}}`, 10) + "\n")
	w := m.Writer(bytes.NewBuffer(make([]byte, 0, 1<<20)))
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		w.out.(*bytes.Buffer).Reset()
		_, _ = w.Write(line)
	}
}
