package event

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"relayctl/fixtures"
	"relayctl/internal/suggest"
)

// maxFindings bounds the findings of one event, so that a body with a million
// unknown properties does not fill the memory.
const maxFindings = 64

// Decoder decodes and validates envelopes and reuses its buffers between them.
// It is not safe for concurrent use; the zero value is ready.
type Decoder struct {
	json     *jsontext.Decoder
	src      bytes.Buffer
	table    *table
	raw      []byte
	text     string // one copy of raw that the decoded strings share
	env      Envelope
	findings []Finding
	isBroken bool // the JSON itself is
	seen     uint64
	follows  []int // by a payload property's index + 1: which one came after it the last time
}

// Decode decodes one envelope tolerantly (R-TOLERANT) and validates it. It
// never fails: what cannot be read is empty in the envelope and named in the
// findings, which are nil for an event without fault. The envelope's Raw aliases
// raw. Safe for concurrent use.
func Decode(raw []byte) (Envelope, []Finding) {
	var d Decoder
	return d.Decode(raw)
}

// Decode works as the function Decode and reuses the decoder's buffers. What it
// returns stays valid after the next call.
func (d *Decoder) Decode(raw []byte) (Envelope, []Finding) {
	d.read(raw, false)
	if d.isBroken && bytes.Contains(raw, []byte(`\u`)) && utf8.Valid(raw) {
		d.readLenient(raw)
	}
	env, findings := d.env, d.findings
	d.env, d.findings, d.raw, d.text = Envelope{}, nil, nil, ""
	return env, findings
}

func (d *Decoder) read(raw []byte, halves bool) {
	d.reset(raw, halves)
	d.env.Raw = raw
	if d.open() && d.readEnvelope() {
		d.checkEnd()
	}
}

// readLenient reads a body again whose only fault may be an escape such as
// \ud83d: half a character, left where a text was cut. JSON's grammar allows it
// and many readers take it, so it is a warning.
func (d *Decoder) readLenient(raw []byte) {
	findings := d.findings
	d.read(raw, true)
	if d.isBroken {
		d.findings = findings
		return
	}
	d.add("R-JSON", Warning, "", findings[len(findings)-1].Offset, "an escape such as \\ud83d without its other half is half a character; readers differ in what they make of it")
}

// reset prepares for a body; halves allows escapes of half a character.
func (d *Decoder) reset(raw []byte, halves bool) {
	if d.table == nil {
		d.table = catalogue()
		d.follows = make([]int, len(d.table.properties)+1)
	}
	d.raw, d.text = raw, string(raw)
	d.src = *bytes.NewBuffer(raw)
	// Duplicate names are found below, where they can be told with their path.
	options := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(halves)}
	if d.json == nil {
		d.json = jsontext.NewDecoder(&d.src, options...)
	} else {
		d.json.Reset(&d.src, options...)
	}
	d.env, d.findings, d.isBroken = Envelope{}, nil, false
}

func (d *Decoder) add(clause string, level Level, path string, offset int, format string, args ...any) {
	if len(d.findings) < maxFindings {
		d.findings = append(d.findings, Finding{clause, level, path, fmt.Sprintf(format, args...), offset})
		return
	}
	// The first error decides the verdict, so it must not fall off the end.
	if level == Error && !Invalid(d.findings) {
		d.findings[maxFindings-1] = Finding{clause, level, path, fmt.Sprintf(format, args...), offset}
	}
}

// broken reports a syntax error at the place where reading stopped; the first
// one is the cause of those after it.
func (d *Decoder) broken(err error) {
	d.isBroken = true
	if n := len(d.findings); n > 0 && d.findings[n-1].Clause == "R-JSON" {
		return
	}
	f := syntaxFinding(d.raw, err, 0)
	d.add(f.Clause, f.Level, f.Path, f.Offset, "%s", f.Message)
}

func (d *Decoder) open() bool {
	if len(trimLeft(d.raw)) == 0 {
		d.add("R-JSON", Error, "", 0, "the body is empty")
		return false
	}
	if k := d.json.PeekKind(); k != '{' && k != 0 {
		// Broken JSON is the more useful thing to be told, so look at it whole.
		if err := d.json.SkipValue(); err != nil {
			d.broken(err)
		} else {
			d.add("R-JSON", Error, "", 0, "the body is %s, not a JSON object", kindName(k))
		}
		return false
	}
	if _, err := d.json.ReadToken(); err != nil {
		d.broken(err)
		return false
	}
	return true
}

// readEnvelope reads the members of the outer object and says whether the
// JSON was sound to its end.
func (d *Decoder) readEnvelope() bool {
	var seen uint8
	for {
		name, val, off, ok := d.member()
		if !ok {
			return false
		}
		if name == nil {
			break
		}
		bit := d.envelopeMember(name, val, off)
		if seen&bit != 0 {
			d.add("R-ENVELOPE", Warning, string(name), off, "the property stands twice; receivers differ in which one they take")
		}
		seen |= bit
	}
	for i, n := range envelopeNames() {
		if seen&(1<<i) == 0 {
			d.add("R-ENVELOPE", Error, n, 0, "the property is missing")
		}
	}
	d.checkName()
	return true
}

// member reads the next name and, unless the value is an object that the
// caller wants to walk itself, its value; name is nil at the object's end.
func (d *Decoder) member() (name []byte, val jsontext.Value, off int, ok bool) {
	if d.json.PeekKind() == '}' {
		if _, err := d.json.ReadToken(); err != nil {
			d.broken(err)
			return nil, nil, 0, false
		}
		return nil, nil, 0, true
	}
	v, err := d.json.ReadValue()
	if err != nil {
		d.broken(err)
		return nil, nil, 0, false
	}
	name = v[1 : len(v)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, v) // ReadValue has checked it
	}
	if string(name) == "payload" && d.json.StackDepth() == 1 && d.json.PeekKind() == '{' {
		return name, nil, int(d.json.InputOffset()), true
	}
	val, err = d.json.ReadValue()
	if err != nil {
		d.broken(err)
		return nil, nil, 0, false
	}
	return name, val, int(d.json.InputOffset()) - len(val), true
}

// envelopeMember takes one property of the envelope and returns its bit, in
// the order of envelopeNames, or 0 for an unknown one.
func (d *Decoder) envelopeMember(name []byte, val jsontext.Value, off int) uint8 {
	switch string(name) {
	case "event_id":
		d.env.ID = d.required("R-ID", "event_id", val, off)
		return 1
	case "event_name":
		d.env.Name = d.required("R-ENVELOPE", "event_name", val, off)
		return 2
	case "event_ts":
		d.env.TS = time.Time{}
		if d.env.TSText = d.required("R-TS", "event_ts", val, off); d.env.TSText != "" {
			d.readTS(off)
		}
		return 4
	case "payload":
		d.env.Payload = Payload{}
		if val != nil {
			d.add("R-ENVELOPE", Error, "payload", off, "the property is %s, not an object", kindName(val.Kind()))
		} else {
			d.readPayload()
		}
		return 8
	}
	d.add("R-TOLERANT", Warning, string(name), off, "unknown property%s", suggest.DidYouMean(string(name), envelopeNames()))
	return 0
}

// required returns the non-empty string that val has to be.
func (d *Decoder) required(clause, name string, val jsontext.Value, off int) string {
	if val.Kind() != '"' {
		d.add(clause, Error, name, off, "the property is %s, not a string", kindName(val.Kind()))
		return ""
	}
	s := d.stringOf(val, off)
	if s == "" {
		d.add(clause, Error, name, off, "the property is empty")
	}
	return s
}

// stringOf returns the text of a JSON string that starts at off.
func (d *Decoder) stringOf(val jsontext.Value, off int) string {
	if bytes.IndexByte(val, '\\') < 0 {
		return d.text[off+1 : off+len(val)-1]
	}
	b, _ := jsontext.AppendUnquote(nil, val) // ReadValue has checked it
	return string(b)
}

func (d *Decoder) readTS(off int) {
	s := d.env.TSText
	ts, ok := ParseTS(s)
	if !ok {
		d.add("R-TS", Error, "event_ts", off, "%s is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z", quote(s))
		return
	}
	d.env.TS = ts.UTC()
	switch {
	case leapSecond(s):
		d.add("R-TS", Warning, "event_ts", off, "%s is a leap second, which ISO 8601 knows and Relay does not document", quote(s))
	case strings.Contains(s, ","):
		d.add("R-TS", Warning, "event_ts", off, "%s has a decimal comma, which ISO 8601 allows and Relay does not write", quote(s))
	case len(s) != len(TimeLayout) || s[len(s)-1] != 'Z':
		d.add("R-TS", Warning, "event_ts", off, "%s is not in UTC with milliseconds as Relay writes it", quote(s))
	}
}

// ParseTS reads an event_ts, and says whether it is a time (R-TS), also in a form that
// Relay does not use. A leap second is the same as the second after it.
func ParseTS(s string) (time.Time, bool) {
	leap, text := time.Duration(0), s
	if leapSecond(s) {
		leap, text = time.Second, s[:len("2016-12-31T23:59:")]+"59"+s[len("2016-12-31T23:59:60"):]
	}
	ts, err := time.Parse(time.RFC3339, text)
	return ts.Add(leap), err == nil && tsForm(s)
}

// leapSecond says whether a time is a 61st second, which comes at the end of an hour.
func leapSecond(s string) bool {
	const form = "dddd-dd-ddTdd:59:60"
	return len(s) > len(form) && hasForm(s[:len(form)], form)
}

// tsForm refuses what time.Parse is lenient about: one-digit hours, offsets of a
// day and more.
func tsForm(s string) bool {
	const form = "dddd-dd-ddTdd:dd:dd"
	if len(s) < len(form)+1 || !hasForm(s[:len(form)], form) {
		return false
	}
	rest := s[len(form):]
	if rest[0] == '.' || rest[0] == ',' {
		rest = strings.TrimLeft(rest[1:], "0123456789")
	}
	return rest == "Z" || len(rest) == 6 && (hasForm(rest[1:], "dd:dd") && rest[1:3] < "24" && rest[4:] < "60")
}

// hasForm compares s to a form of the same length in which d stands for a digit.
func hasForm(s, form string) bool {
	for i := range len(form) {
		if form[i] == 'd' && (s[i] < '0' || s[i] > '9') || form[i] != 'd' && s[i] != form[i] {
			return false
		}
	}
	return true
}

func (d *Decoder) readPayload() bool {
	if _, err := d.json.ReadToken(); err != nil {
		d.broken(err)
		return false
	}
	d.seen = 0
	before := 0 // the index + 1 of the property before
	for {
		name, val, off, ok := d.member()
		if !ok || name == nil {
			return ok
		}
		i, known := d.property(name, before)
		if before = i + 1; !known {
			d.add("R-TOLERANT", Warning, "payload."+string(name), off, "unknown property%s", suggest.DidYouMean(string(name), d.table.propNames))
			continue
		}
		p := &d.table.properties[i]
		if d.seen&(1<<i) != 0 {
			d.add("R-ENVELOPE", Warning, "payload."+p.Name, off, "the property stands twice; receivers differ in which one they take")
		}
		d.seen |= 1 << i
		d.readProperty(p, val, off)
	}
}

// property finds a payload property by its name. Senders write them in the same order
// each time, so the one that came after the one before is looked at first.
func (d *Decoder) property(name []byte, before int) (i int, known bool) {
	if i = d.follows[before]; d.table.properties[i].Name == string(name) {
		return i, true
	}
	if i, known = d.table.propIndex[string(name)]; known {
		d.follows[before] = i
	}
	return i, known
}

func (d *Decoder) readProperty(p *fixtures.Property, val jsontext.Value, off int) {
	var s string
	switch val.Kind() {
	case '"':
		s = d.stringOf(val, off)
	case 'n':
	default:
		d.add("R-TOLERANT", Warning, "payload."+p.Name, off, "the property is %s; Relay sends a string or null", kindName(val.Kind()))
	}
	if p.MaxLen > 0 && len(s) > p.MaxLen && utf8.RuneCountInString(s) > p.MaxLen {
		d.add("R-TOLERANT", Warning, "payload."+p.Name, off, "the value has %d characters; Relay documents up to %d", utf8.RuneCountInString(s), p.MaxLen)
	}
	if p.Values != nil && s != "" && !slices.Contains(p.Values, s) {
		d.add("R-TOLERANT", Warning, "payload."+p.Name, off, "%s is not one of the documented values (%s)", quote(s), strings.Join(p.Values, ", "))
	}
	if f := d.env.Payload.field(p.Name); f != nil {
		*f = s
	}
}

// field returns where the property of that name is kept, nil if it is not.
func (p *Payload) field(name string) *string {
	switch name {
	case "ccid":
		return &p.CCID
	case "customer_id":
		return &p.CustomerID
	case "channel_addr":
		return &p.ChannelAddr
	case "current_consent":
		return &p.CurrentConsent
	case "journey_id":
		return &p.JourneyID
	case "trigger_id":
		return &p.TriggerID
	case "message_id":
		return &p.MessageID
	case "message_name":
		return &p.MessageName
	case "notification_id":
		return &p.NotificationID
	case "action_label":
		return &p.ActionLabel
	case "event_type":
		return &p.EventType
	case "event_subtype":
		return &p.EventSubtype
	}
	return nil
}

// checkName compares the event name with the catalogue (R-TOLERANT) and with
// the payload's event_type and event_subtype (R-NAME).
func (d *Decoder) checkName() {
	name := d.env.Name
	if name == "" {
		return
	}
	_, known := d.table.byName[name]
	if !known {
		d.add("R-TOLERANT", Warning, "event_name", d.offsetOf(name), "unknown event name %s%s", quote(name), suggest.DidYouMean(name, d.table.names))
	}
	p := d.env.Payload
	if p.EventType == "" || p.EventSubtype == "" {
		return
	}
	if eventType, subtype := splitName(name); known && eventType == p.EventType && subtype == p.EventSubtype {
		return
	}
	joined := p.EventType + "." + p.EventSubtype
	if joined == name {
		return
	}
	// Whether two unknown names have to agree is not known.
	level := Warning
	if _, joinedKnown := d.table.byName[joined]; known || joinedKnown {
		level = Error
	}
	d.add("R-NAME", level, "event_name", d.offsetOf(name), "%s contradicts the payload's event_type and event_subtype, which say %s", quote(name), quote(joined))
}

// offsetOf finds a value again for a finding's place; 0 when it was escaped.
func (d *Decoder) offsetOf(s string) int { return max(0, strings.Index(d.text, `"`+s+`"`)) }

func (d *Decoder) checkEnd() {
	end := int(d.json.InputOffset())
	if len(trimLeft(d.raw[end:])) > 0 {
		d.add("R-JSON", Error, "", end, "more text after the JSON object")
	}
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "an array"
	}
	return "an object"
}

// quote quotes s for a message, shortened where it is long.
func quote(s string) string {
	if len(s) > 64 {
		cut := 61
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return fmt.Sprintf("%q", s)
}
