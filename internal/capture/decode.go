package capture

import (
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"unicode/utf8"

	"relayctl/internal/event"
)

// errNoRecord says that a line is JSON, but no record.
var errNoRecord = errors.New(`the line is no record of a capture: it has no "v"`)

// Parse reads one line of a capture. Unknown fields are ignored; a line of
// another version is an error.
func Parse(text []byte) (*Record, error) {
	r := new(Record)
	if err := new(decoder).decode(text, r); err != nil {
		return nil, err
	}
	return r, nil
}

// decoder decodes records and reuses its buffers. It is written by hand
// because captures are read by the ten million lines.
type decoder struct {
	scanner
	version int
	names   interner
}

// decode fills r, whose memory is reused. On an error r holds rubbish.
func (d *decoder) decode(text []byte, r *Record) error {
	d.text, d.pos, d.err, d.version = text, 0, nil, 0
	r.reset()
	d.record(r)
	if d.err == nil && (d.peek() != 0 || d.pos < len(text)) {
		d.unexpected("the end of the line")
	}
	if d.err != nil && d.version == 0 {
		d.version = versionOf(text)
	}
	switch {
	case d.version != Version && d.version != 0:
		return fmt.Errorf("the record has version %d; this relayctl reads version %d", d.version, Version)
	case d.err != nil:
		return d.err
	case d.version == 0:
		return errNoRecord
	case !utf8.Valid(text):
		return errors.New("the line is not UTF-8")
	}
	return nil
}

// versionOf finds the version of a record whose other fields may be unlike
// ours, 0 where there is none.
func versionOf(text []byte) (version int) {
	s := scanner{text: text}
	s.take('{')
	for first := true; s.more('}', &first); {
		if string(s.key()) == "v" {
			return s.integer()
		}
		s.skip(0)
	}
	return 0
}

func (d *decoder) record(r *Record) {
	d.take('{')
	for first := true; d.more('}', &first); {
		key := d.key()
		if d.null() {
			continue
		}
		switch string(key) {
		case "v":
			if d.version = d.integer(); d.version != Version && d.version != 0 {
				return
			}
		case "received_at":
			if err := r.ReceivedAt.UnmarshalText(d.quoted()); err != nil {
				d.fail("received_at is no time")
			}
			r.ReceivedAt = r.ReceivedAt.UTC()
		case "remote":
			r.Remote = d.name()
		case "method":
			r.Method = d.name()
		case "path":
			r.Path = d.name()
		case "headers":
			d.headers(r)
		case "body":
			r.Body = d.appendQuoted(r.Body[:0])
		case "body_base64":
			d.base64(r)
		case "body_omitted":
			r.Omitted = d.boolean()
		case "status":
			r.Status = d.integer()
		case "findings":
			d.findings(r)
		case "members":
			d.members(r)
		default:
			if !d.identity(key, &r.EventID, &r.EventName, &r.Attempt, &r.Badges) {
				if string(key) == "event_ts" {
					r.EventTS = string(d.quoted())
				} else {
					d.skip(0)
				}
			}
		}
	}
}

// identity reads the fields that a record and a batch's member share.
func (d *decoder) identity(key []byte, id, name *string, attempt *int, badges *[]string) bool {
	switch string(key) {
	case "event_id":
		*id = string(d.quoted())
	case "event_name":
		*name = d.name()
	case "attempt":
		*attempt = d.integer()
	case "badges":
		*badges = (*badges)[:0]
		d.take('[')
		for first := true; d.more(']', &first); {
			*badges = append(*badges, d.name())
		}
	default:
		return false
	}
	return true
}

func (d *decoder) headers(r *Record) {
	r.Headers = r.Headers[:0]
	d.take('{')
	for first := true; d.more('}', &first); {
		name := d.name()
		d.take(':')
		r.Headers = append(r.Headers, Header{name, d.name()})
	}
}

func (d *decoder) base64(r *Record) {
	var err error
	if r.Body, err = base64.StdEncoding.AppendDecode(r.Body[:0], d.quoted()); err != nil {
		d.fail("body_base64 is no base64")
	}
}

func (d *decoder) findings(r *Record) {
	r.Findings = r.Findings[:0]
	d.take('[')
	for first := true; d.more(']', &first); {
		var f event.Finding
		d.take('{')
		for first := true; d.more('}', &first); {
			switch key := d.key(); {
			case d.null():
			case string(key) == "clause":
				f.Clause = d.name()
			case string(key) == "level":
				f.Level = event.Level(d.name())
			case string(key) == "path":
				f.Path = d.name()
			case string(key) == "message":
				f.Message = d.name()
			default:
				d.skip(0)
			}
		}
		r.Findings = append(r.Findings, f)
	}
}

func (d *decoder) members(r *Record) {
	r.Members = r.Members[:0]
	d.take('[')
	for first := true; d.more(']', &first); {
		var m Member
		d.take('{')
		for first := true; d.more('}', &first); {
			key := d.key()
			if !d.null() && !d.identity(key, &m.EventID, &m.EventName, &m.Attempt, &m.Badges) {
				d.skip(0)
			}
		}
		r.Members = append(r.Members, m)
	}
}

// name reads a string of which there are few different ones.
func (d *decoder) name() string { return d.names.get(d.quoted()) }

// interner gives equal texts one string. It remembers a bounded number; the
// zero value none.
type interner struct {
	seed  maphash.Seed
	slots []string
}

func newInterner() interner { return interner{maphash.MakeSeed(), make([]string, 512)} }

func (n *interner) get(b []byte) string {
	if len(n.slots) == 0 || len(b) > 256 { // the long ones are not worth keeping
		return string(b)
	}
	slot := &n.slots[maphash.Bytes(n.seed, b)%uint64(len(n.slots))]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}
