package event

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// readFast decodes an envelope in the plain form that Relay writes: strings and
// nulls without escapes, known properties once each, nothing to remark. It says
// false for anything else, which is then read anew and judged thoroughly; so it
// never gives a finding, and all that it has to be is right when it says true.
func (d *Decoder) readFast(raw []byte) bool {
	if d.table == nil {
		d.table = catalogue()
	}
	d.text = string(raw)
	s := plainScanner{text: d.text, compact: !hasControl(d.text)}
	d.env = Envelope{Raw: raw}
	if strings.IndexByte(s.text, '\\') >= 0 || !utf8.ValidString(s.text) || !s.take('{') {
		return false
	}
	seen := 0
	for more := true; more; more = s.take(',') {
		name, ok := s.key()
		if !ok || !d.fastMember(&s, name) {
			return false
		}
		seen++
	}
	// Each member was known and a repeated one is refused, so four are all.
	return s.take('}') && s.end() && seen == 4 && d.fastName()
}

func (d *Decoder) fastMember(s *plainScanner, name string) bool {
	var ok bool
	switch e := &d.env; {
	case name == "event_id" && e.ID == "":
		e.ID, ok = s.quoted()
		return ok && e.ID != ""
	case name == "event_name" && e.Name == "":
		e.Name, ok = s.quoted()
		return ok && e.Name != ""
	case name == "event_ts" && e.TSText == "":
		if e.TSText, ok = s.quoted(); !ok || len(e.TSText) != len(TimeLayout) || e.TSText[len(TimeLayout)-1] != 'Z' || !tsForm(e.TSText) {
			return false
		}
		ts, err := time.Parse(time.RFC3339, e.TSText)
		e.TS = ts.UTC()
		return err == nil
	case name == "payload" && !s.payload:
		s.payload = true
		return s.take('{') && (s.take('}') || d.fastPayload(s))
	}
	return false
}

func (d *Decoder) fastPayload(s *plainScanner) bool {
	seen := uint64(0)
	for more := true; more; more = s.take(',') {
		name, ok := s.key()
		if !ok {
			return false
		}
		i, known := d.table.propIndex[name]
		if !known || seen&(1<<i) != 0 {
			return false
		}
		seen |= 1 << i
		if s.null() {
			continue
		}
		value, ok := s.quoted()
		if p := &d.table.properties[i]; !ok || p.MaxLen > 0 && len(value) > p.MaxLen || p.Values != nil && value != "" && !slices.Contains(p.Values, value) {
			return false
		}
		if f := d.env.Payload.field(name); f != nil {
			*f = value
		}
	}
	return s.take('}')
}

// fastName says whether the event name is known and not contradicted (R-NAME).
func (d *Decoder) fastName() bool {
	e := &d.env
	if _, known := d.table.byName[e.Name]; !known {
		return false
	}
	if e.Payload.EventType == "" || e.Payload.EventSubtype == "" {
		return true
	}
	eventType, subtype := splitName(e.Name)
	return eventType == e.Payload.EventType && subtype == e.Payload.EventSubtype
}

// plainScanner reads JSON in which no string has an escape.
type plainScanner struct {
	text    string
	pos     int
	compact bool // there is no control character in it, white space included
	payload bool // it was seen
}

// take consumes c if it comes next after white space.
func (s *plainScanner) take(c byte) bool {
	for ; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case c:
			s.pos++
			return true
		case ' ', '\t', '\r', '\n':
		default:
			return false
		}
	}
	return false
}

// quoted reads a string.
func (s *plainScanner) quoted() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	n := strings.IndexByte(s.text[s.pos:], '"')
	if n < 0 {
		return "", false
	}
	text := s.text[s.pos : s.pos+n]
	s.pos += n + 1
	return text, s.compact || !hasControl(text)
}

// key reads a name and its colon.
func (s *plainScanner) key() (string, bool) {
	name, ok := s.quoted()
	return name, ok && s.take(':')
}

// null consumes a null.
func (s *plainScanner) null() bool {
	if !s.take('n') {
		return false
	}
	if strings.HasPrefix(s.text[s.pos:], "ull") {
		s.pos += len("ull")
		return true
	}
	s.pos = len(s.text) // no JSON: whatever is read next fails
	return false
}

// end says whether only white space is left.
func (s *plainScanner) end() bool { return strings.Trim(s.text[s.pos:], " \t\r\n") == "" }

// hasControl says whether a text has a byte below the space. It looks at eight
// at once: a byte's highest bit is set after the subtraction where it borrowed,
// or where the byte had it and is no ASCII.
func hasControl(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		word := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		if (word-ones*' ')&^word&highs != 0 {
			return true
		}
	}
	for ; i < len(s); i++ {
		if s[i] < ' ' {
			return true
		}
	}
	return false
}
