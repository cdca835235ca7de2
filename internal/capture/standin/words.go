package standin

import (
	"bytes"
	"slices"
	"strings"

	"relayctl/fixtures"
	"relayctl/internal/event"
)

// vocabulary is what may stay in a copy: it is the same in every capture, so it tells
// nothing.
type vocabulary struct {
	parts    map[string]bool     // of event names, in lower case
	names    map[string]bool     // of properties and query parameters
	values   map[string][]string // by property
	phrases  map[string]bool     // words of findings and failures, in lower case
	headers  map[string]bool     // names of headers, in lower case
	inHeader map[string]bool     // words of headers' values, in lower case
}

func newVocabulary() vocabulary {
	set := func(words string) map[string]bool {
		out := map[string]bool{}
		for w := range strings.FieldsSeq(words) {
			out[w] = true
		}
		return out
	}
	v := vocabulary{
		parts: map[string]bool{}, names: set(memberNames), values: map[string][]string{"product_group_id": {"default"}},
		phrases: set(phraseWords), headers: set(headerNames), inHeader: set(headerWords),
	}
	for _, e := range fixtures.Catalogue() {
		for part := range strings.SplitSeq(e.Name, ".") {
			v.parts[part] = true
		}
	}
	for _, p := range fixtures.Properties() {
		v.names[p.Name] = true
		if p.Values != nil {
			v.values[p.Name] = p.Values
		}
	}
	return v
}

// memberNames are the envelope's, a batch's, those of secrets in a query, and those that answers of
// apps commonly have.
const memberNames = `event_id event_name event_ts payload batch
key api_key apikey access_token token signature sig
code data detail details error errors id message name ok reason result status success title type`

// stays says why a value of a property stays as it is; "" where it does not.
func (m *Maker) stays(property, value string) Reason {
	switch {
	case value == "":
		return Absent
	case property == "event_ts":
		if at := exactFrom(value); at == len(value) {
			return Time
		}
	case slices.Contains(m.words.values[property], value):
		return Documented
	}
	return ""
}

// Of a second, mostExact digits may stay, or the first milliDigits of more: they could be
// a number of another kind.
const (
	mostExact   = 6
	milliDigits = 3
)

// exactFrom is the index up to which a time stays, 0 for what is not a time.
func exactFrom(value string) int {
	if _, ok := event.ParseTS(value); !ok {
		return 0
	}
	point := strings.IndexAny(value, ".,")
	if point < 0 || len(value) <= point+mostExact {
		return len(value)
	}
	digits := len(value[point+1:]) - len(strings.TrimLeft(value[point+1:], "0123456789"))
	if digits <= mostExact {
		return len(value)
	}
	return point + 1 + milliDigits
}

// value appends the stand-in of the inside of a string, which is not one of the values
// that stay.
func (m *Maker) value(dst []byte, property string, inside []byte, escapes bool) []byte {
	switch property {
	case "event_name", "event_type", "event_subtype":
		return m.eventName(dst, inside, escapes)
	case "event_ts":
		if at := exactFrom(string(inside)); at > 0 {
			zone := bytes.TrimLeft(inside[at:], "0123456789")
			dst = m.text(append(dst, inside[:at]...), inside[at:len(inside)-len(zone)], escapes)
			return append(dst, zone...)
		}
	}
	return m.unlike(dst, inside, escapes, func(out string) bool { return m.stays(property, out) != "" })
}

// mostTries bounds how often a stand-in is replaced again. Rarely a stand-in is itself a
// word that stays.
const mostTries = 100

// unlike appends the stand-in of a text that is not one of the texts that stay, so that
// its stand-in is not one of them either.
func (m *Maker) unlike(dst, text []byte, escapes bool, stays func(string) bool) []byte {
	from := len(dst)
	dst = m.text(dst, text, escapes)
	for range mostTries {
		if plain := unquoted(dst[from:], escapes); plain == unquoted(text, escapes) || !stays(plain) {
			break
		}
		dst = m.text(dst[:from], bytes.Clone(dst[from:]), escapes)
	}
	return dst
}

// field is the stand-in of what a record tells of a property.
func (m *Maker) field(property, value string) string {
	if m.stays(property, value) != "" {
		return value
	}
	return string(m.value(nil, property, []byte(value), false))
}

// eventName replaces the parts of an event's name that are not in the catalogue: each by
// itself, so that a name still is, or is not, its type and subtype joined (R-NAME).
func (m *Maker) eventName(dst, name []byte, escapes bool) []byte {
	known := func(part string) bool { return m.words.parts[strings.ToLower(part)] }
	for i, part := range bytes.Split(name, []byte(".")) {
		if i > 0 {
			dst = append(dst, '.')
		}
		if known(string(part)) {
			dst = append(dst, part...)
		} else {
			dst = m.unlike(dst, part, escapes, known)
		}
	}
	return dst
}

// memberName appends the stand-in of a property's or parameter's name, and says whether
// it stays because it is a usual one.
func (m *Maker) memberName(dst, name []byte, escapes bool) ([]byte, bool) {
	known := func(s string) bool { return m.words.names[s] }
	if known(unquoted(name, escapes)) {
		return append(dst, name...), true
	}
	return m.unlike(dst, name, escapes, known), false
}

// What a name of a property may have that is counted by its name.
const (
	longestName = 64
	mostDigits  = 3
)

// isName says whether a property's name looks like one, rather than like data.
func isName(s string) bool {
	digits := 0
	for i, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '$':
		case i > 0 && c == '-':
		case i > 0 && c >= '0' && c <= '9':
			digits++
		default:
			return false
		}
	}
	return s != "" && len(s) <= longestName && digits <= mostDigits
}

// counted is the name under which the values of a property are counted.
func counted(property string) string {
	if isName(property) {
		return property
	}
	return Others
}

// longestIndex bounds the digits of an event's place in a batch.
const longestIndex = 6

// path is the stand-in of the place of a finding: [1].payload.ccid.
func (m *Maker) path(p string) string {
	var out []byte
	if end := strings.IndexByte(p, ']'); strings.HasPrefix(p, "[") && end > 0 && end <= longestIndex && strings.Trim(p[1:end], "0123456789") == "" {
		out, p = append(out, p[:end+1]...), p[end+1:]
	}
	for _, prefix := range []string{".", "payload."} {
		if rest, ok := strings.CutPrefix(p, prefix); ok {
			out, p = append(out, prefix...), rest
		}
	}
	out, _ = m.memberName(out, []byte(p), false)
	return string(out)
}

// message is the stand-in of a finding's message: its usual words stay, and of what it
// quotes what would stay in a body.
func (m *Maker) message(text string) string {
	var out []byte
	for {
		before, after, ok := strings.Cut(text, `"`)
		out = m.phrase(out, before)
		if !ok {
			return string(out)
		}
		end := 0
		for end < len(after) && after[end] != '"' {
			if after[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(after))
		out = append(out, '"')
		switch inside := after[:end]; {
		case m.words.names[inside]:
			out = append(out, inside...)
		case exactFrom(inside) > 0:
			out = append(out, m.field("event_ts", inside)...)
		default:
			out = m.eventName(out, []byte(inside), true)
		}
		if end < len(after) {
			out = append(out, '"')
			end++
		}
		text = after[end:]
	}
}

// longestNumber is the length of the longest number that stays in a message, such as a
// line or a status.
const longestNumber = 4

// phrase appends the stand-in of words outside quotes.
func (m *Maker) phrase(dst []byte, text string) []byte {
	return m.eachWord(dst, text, "'_-", func(w string) bool {
		return m.words.phrases[strings.ToLower(w)] || len(w) <= longestNumber && strings.Trim(w, "0123456789") == ""
	})
}

// eachWord appends a text whose words are replaced unless they stay. inner are the
// characters beside letters and digits that a word may have.
func (m *Maker) eachWord(dst []byte, text, inner string, stays func(string) bool) []byte {
	inWord := func(r rune) bool { return inToken(r) || strings.ContainsRune(inner, r) }
	for text != "" {
		end := strings.IndexFunc(text, func(r rune) bool { return !inWord(r) })
		switch {
		case end < 0:
			end = len(text)
		case end == 0:
			if end = strings.IndexFunc(text, inWord); end < 0 {
				end = len(text)
			}
			dst, text = append(dst, text[:end]...), text[end:]
			continue
		}
		if word := text[:end]; stays(word) {
			dst = append(dst, word...)
		} else {
			dst = m.unlike(dst, []byte(word), false, stays)
		}
		text = text[end:]
	}
	return dst
}

// phraseWords are those of this program's findings and failures, of Go's JSON and network
// packages and of systems.
const phraseWords = `a about after alert all an and allows another answer answered any app are array as asked at authority bad batch batch's be because before begin
begins body boolean both broken but by byte bytes came canceled cannot certificate character characters client closed code column comma comes
common connect connected connection contain context contradicts cut date deadline decimal depth did dial differ dns document documented documents does doesn't
duplicate early empty end ends eof error escape escaped event event_name event_subtype event_type events exceeded expected expecting expired
expired-certificate express failed few first for forward from get got half handshake has have header headers held holds host http https i in input
instead internal invalid ip is iso it it's its json judged kept knows leap letter like line literal long longer look looks lookup made make malformed many
match max mean member method milliseconds mismatching missing more must name names network no non-control not null number object of on one only or other
payload payload's pipe point post properties property protocol proxy read readers receiver receivers received record recorded refused relay request requests reset
respond response route safe sans say second seen sends sequence server short signed some stands start status stop stopped string structural such surrogate
take tcp text than that the their they this time timed timeout tls to token too top-level transport twice type ud83d unable unexpected unfinished
unicode unknown unquoted unreachable unsupported up url using utc utf-8 valid value values verify version was what which with within without words write written
writes wrong x509 yet false true sms 2022-04-12t14 958z you
found double single quote quotes break tab mark digit element nothing brackets inside each u00e9 n`
