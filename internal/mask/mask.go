// Package mask takes the secrets of a run out of everything that it writes, in
// whatever form they come back: as they are, in capitals or small letters,
// percent-encoded, escaped for JSON, HTML, Go, YAML or a shell, broken across lines,
// cut short, and in base64, alone or within a longer text such as user:secret.
//
// Begin at Mask, which is told the secrets. Text and Writer take them out. The
// package does not know where secrets come from or what is written.
package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Shown stands in the place of a secret.
const Shown = "[redacted]"

// How much of a text has to be a secret. A shorter secret cannot be told from
// ordinary text, and is not masked; a short one, one of small letters only, and one
// that may be a word with capitals, counts where it stands as a word of its own.
const (
	leastLength = 4
	shortLength = 6
	longWord    = 12
	leastCore   = 8 // characters of base64 within a longer one
	leastCut    = 9 // of a secret whose end is missing
)

// mostTokens bounds what a long run remembers that is given new tokens all the time.
const mostTokens = 8

// Mask knows the secrets of a run. The zero value and nil know none. It is safe
// for concurrent use.
type Mask struct {
	mu       sync.Mutex
	lasting  []string // never forgotten
	passing  []string // the latest
	patterns atomic.Pointer[patterns]
}

// patterns are all forms of all secrets.
type patterns struct {
	forms  [256][]form   // by their first byte, the longest first
	starts [256]bool     // bytes that a form in any encoding can begin with
	pairs  [1 << 14]bool // the first two bytes of a form, by place
	begins [1 << 14]bool // the first three, by place; others may have the same
	simple [256]byte     // bytes that stand for themselves and nothing else, in lower case
}

// place tells beginnings of three simple bytes apart.
func place(a, b, c byte) int { return (int(a)<<7 ^ int(b)<<4 ^ int(c)) & (1<<14 - 1) }

// form is one appearance of a secret, in small letters, with a space for any white
// space. Backslashes are left out of it, because an escape may put any number of them
// before a character.
type form struct {
	text string
	word bool // counts only as a word of its own
	pad  bool // base64, whose padding belongs to it
	cut  int  // so much of its beginning is hidden also where the end is missing
	last bool // it is an end, behind which there is no other
}

// Add takes secrets that stay for the whole run.
func (m *Mask) Add(secrets ...string) {
	if m != nil {
		m.add(&m.lasting, secrets)
	}
}

// AddPair takes a password together with the user name beside which it is encoded.
func (m *Mask) AddPair(user, secret string) {
	if m == nil || secret == "" {
		return
	}
	m.Add(secret)
	if user != "" {
		m.Add(base64.RawStdEncoding.EncodeToString([]byte(user+":"+secret)),
			base64.RawStdEncoding.EncodeToString([]byte(url.QueryEscape(user)+":"+url.QueryEscape(secret))))
	}
}

// AddToken takes a secret of a short life. Of these the oldest is forgotten when
// there are too many.
func (m *Mask) AddToken(secret string) {
	if m != nil {
		m.add(&m.passing, []string{secret})
	}
}

func (m *Mask) add(to *[]string, secrets []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(*to)
	for _, s := range secrets {
		if len(s) >= leastLength && !slices.Contains(*to, s) {
			*to = append(*to, s)
		}
	}
	if len(*to) == before {
		return
	}
	if extra := len(m.passing) - mostTokens; extra > 0 {
		m.passing = slices.Delete(m.passing, 0, extra)
	}
	m.patterns.Store(compile(slices.Concat(m.lasting, m.passing)))
}

func compile(secrets []string) *patterns {
	p := &patterns{}
	for _, secret := range secrets {
		for _, s := range spellings(secret) {
			p.add(s, false)
			for _, inside := range []string{s, url.QueryEscape(s), quoted(s)} { // OAuth encodes id and secret twice
				p.add(base64.RawStdEncoding.EncodeToString([]byte(inside)), true)
				p.add(base64.RawURLEncoding.EncodeToString([]byte(inside)), true)
				for offset := range 3 {
					p.addCore(inside, offset)
				}
			}
		}
	}
	for c, forms := range p.forms {
		slices.SortStableFunc(forms, func(a, b form) int { return len(b.text) - len(a.text) })
		for _, f := range forms {
			p.starts[c], p.starts[bytes.ToUpper([]byte{byte(c)})[0]] = true, true
			p.pairs[place(f.text[0], 0, f.text[1])], p.begins[place(f.text[0], f.text[1], f.text[2])] = true, true
		}
	}
	p.starts['%'], p.starts['\\'], p.starts['&'] = true, true, true
	for c := byte(1); c < utf8.RuneSelf; c++ {
		if plain(c) && c != '\'' && c != '"' { // quotes may be doubled
			p.simple[c] = lower(c)
		}
	}
	return p
}

// spellings are what programs make of a secret: its letters in another case, and other
// characters for bytes that are not UTF-8. Letters of ASCII are compared in any case,
// so that these matter to others, and to what is encoded.
func spellings(secret string) []string {
	list := []string{
		secret, strings.ToLower(secret), strings.ToUpper(secret),
		strings.Map(func(r rune) rune {
			if unicode.IsUpper(r) {
				return unicode.ToLower(r)
			}
			return unicode.ToUpper(r)
		}, secret),
	}
	if !utf8.ValidString(secret) {
		latin := make([]rune, len(secret))
		for i := range len(secret) {
			latin[i] = rune(secret[i])
		}
		list = []string{secret, string(latin), string([]rune(secret)), strings.ToValidUTF8(secret, "\uFFFD"), strings.ToValidUTF8(secret, "?"), strings.ToValidUTF8(secret, "")}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// quoted is a text as JSON has it between its quotes.
func quoted(s string) string {
	b, _ := json.Marshal(s) // a string can always be written
	return string(b[1 : len(b)-1])
}

// add takes a form, unless it is there or too short. Quotes and spaces around a
// secret tell nothing, and may be those of the text around it.
func (p *patterns) add(text string, encoded bool) {
	const small = "abcdefghijklmnopqrstuvwxyz"
	text = strings.ReplaceAll(strings.Trim(text, "\"'` \t\r\n\\"), `\`, "")
	f := form{text: folded(text), pad: encoded, cut: max(leastCore, len(text)/2-2)}
	if !encoded {
		f.word = len(text) < shortLength || strings.Trim(text, small) == "" || len(text) < longWord && strings.Trim(strings.ToLower(text), small) == ""
		runes := []rune(f.text)
		f.cut = max(leastCut, len(string(runes[:3*len(runes)/4])))
	}
	if len(f.text) < leastLength {
		return
	}
	forms := &p.forms[f.text[0]]
	if !slices.ContainsFunc(*forms, func(other form) bool { return other.text == f.text }) {
		*forms = append(*forms, f)
	}
}

// folded is a text as a form has it.
func folded(s string) string {
	b := make([]byte, 0, len(s))
	for _, c := range []byte(s) {
		if isSpace(c) {
			c = ' '
		}
		if c != ' ' || len(b) == 0 || b[len(b)-1] != ' ' {
			b = append(b, lower(c))
		}
	}
	return string(b)
}

// addCore takes what is always the same of a secret that stands at an offset
// within what is encoded in base64: the first and the last characters depend on
// what stands beside it.
func (p *patterns) addCore(s string, offset int) {
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		text := enc.EncodeToString([]byte(strings.Repeat("\x00", offset) + s))
		from, to := (offset*8+5)/6, (offset+len(s))*8/6 // the characters that the secret decides alone
		if to-from >= leastCore {
			p.add(text[from:to], true)
		}
	}
}

// Text is a text without the secrets.
func (m *Mask) Text(s string) string {
	p := m.load()
	if p == nil || !p.starting(s) {
		return s
	}
	out, _ := p.replace(nil, []byte(s), 0, true)
	return string(out)
}

// Hides says whether a text holds a secret.
func (m *Mask) Hides(s string) bool { return m.Text(s) != s }

// Bytes is Text in place: what it returns is b itself where b holds no secret.
func (m *Mask) Bytes(b []byte) []byte {
	p := m.load()
	if p == nil {
		return b
	}
	out, _ := p.replace(nil, b, 0, true)
	if bytes.Equal(out, b) {
		return b
	}
	return out
}

func (m *Mask) load() *patterns {
	if m == nil {
		return nil
	}
	return m.patterns.Load()
}

func (p *patterns) starting(s string) bool {
	for i := range len(s) {
		if p.starts[s[i]] {
			return true
		}
	}
	return false
}

// replace appends b to dst without the secrets. before is the byte before b, 0
// where there is none. Unless b is the end, it stops where a secret may begin
// that b does not hold whole, and returns how much of b is done.
func (p *patterns) replace(dst, b []byte, before byte, end bool) (_ []byte, done int) {
	from := 0 // what is copied next
	for i := 0; i < len(b); i++ {
		if !p.starts[b[i]] {
			continue
		}
		if i+2 < len(b) {
			one, two, three := p.simple[b[i]], p.simple[b[i+1]], p.simple[b[i+2]]
			if one != 0 && two != 0 && three != 0 {
				if !p.begins[place(one, two, three)] {
					continue
				}
			} else if !p.begin(b[i : i+3]) {
				continue
			}
		}
		n, more := p.matchAt(b, i, before, end)
		switch {
		case more:
			return append(dst, b[from:i]...), i
		case n > 0:
			at := i
			if escapes(b[from:i]) {
				at-- // half an escape must not stay
			}
			dst = append(append(dst, b[from:at]...), Shown...)
			from = i + n
			i = from - 1
		}
	}
	return append(dst, b[from:]...), len(b)
}

// escaped are the characters that mean another one behind a backslash.
const escaped = "uxUntr0123"

// begin says whether a form can begin with three bytes that are not all simple. It
// spares most of the looking.
func (p *patterns) begin(b []byte) bool {
	second := b[1]
	switch {
	case b[0] == '\\' && plain(second):
		return p.starts[second] || strings.IndexByte(escaped, second) >= 0
	case second == '\\' && plain(b[2]) && strings.IndexByte(escaped, b[2]) < 0:
		second = b[2]
	case !plain(second) && second != ' ':
		return true
	}
	return !plain(b[0]) || p.pairs[place(lower(b[0]), 0, lower(second))]
}

// escapes says whether a text ends with a backslash that escapes what follows.
func escapes(b []byte) bool {
	return (len(b)-len(bytes.TrimRight(b, `\`)))%2 == 1
}
