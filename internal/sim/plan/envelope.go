package plan

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"relayctl/fixtures"
	"relayctl/internal/event"
)

// part is a piece of an event's payload: text, and the property value that
// follows it.
type part struct {
	text  string
	value func(*customer, *Step) string // as JSON; nil when none follows
}

// values says where properties get their values. All others have those of the
// sample.
func values() map[string]func(*customer, *Step) string {
	return map[string]func(c *customer, st *Step) string{
		"ccid":               func(c *customer, _ *Step) string { return c.quoted.ccid },
		"client_id":          func(c *customer, _ *Step) string { return c.tenant.id },
		"client_message_tag": func(c *customer, _ *Step) string { return c.quoted.tag },
		"customer_id":        func(c *customer, _ *Step) string { return c.quoted.customerID },
		"product_group_id":   func(c *customer, _ *Step) string { return c.quoted.group },
		"channel_addr":       func(c *customer, st *Step) string { return c.channels[st.channel()] },
		"current_consent":    func(_ *customer, st *Step) string { return `"` + cmp.Or(st.Consent, "stop") + `"` },
		"job_id":             func(c *customer, _ *Step) string { return c.tenant.job },
		"journey_id":         func(c *customer, st *Step) string { return c.messages[st.message()].journey },
		"message_id":         func(c *customer, st *Step) string { return c.messages[st.message()].id },
		"message_name":       func(c *customer, st *Step) string { return c.messages[st.message()].name },
		"notification_id":    func(c *customer, st *Step) string { return c.notification(st.message(), st.channel()) },
		"relay_tracking_id":  func(c *customer, st *Step) string { return c.messages[st.message()].tracking },
		"trigger_id":         func(c *customer, st *Step) string { return c.messages[st.message()].trigger },
		"action_label":       func(c *customer, _ *Step) string { return c.action },
		"action_value":       func(c *customer, _ *Step) string { return c.actionTel },
	}
}

// channel and message are the step's indices in the customer's.
func (st *Step) channel() int { return max(st.Channel, 1) - 1 }
func (st *Step) message() int { return max(st.Message, 1) - 1 }

// payload gives the parts of an event's payload: the properties of its sample,
// in their order. A name that has no sample, which only a user can ask for, is
// given a notification's payload.
func (t *tenant) payload(name string) []part {
	parts, ok := t.payloads[name]
	if !ok {
		sample, known := fixtures.Sample(name)
		if !known {
			sample, _ = fixtures.Sample("notification.attempted")
		}
		parts = payloadParts(sample)
		t.payloads[name] = parts
	}
	return parts
}

// payloadParts takes a sample's payload apart. What the sample shows as null or
// empty stays so, but for the tag, which a campaign's file may set.
func payloadParts(sample []byte) []part {
	var envelope struct{ Payload jsontext.Value }
	// Samples are part of the program, and the tests read them all.
	_ = json.Unmarshal(sample, &envelope, json.MatchCaseInsensitiveNames(true))
	dec := jsontext.NewDecoder(bytes.NewReader(envelope.Payload))
	_, _ = dec.ReadToken()
	text, values := "{", values()
	var parts []part
	for dec.PeekKind() == '"' {
		name, _ := dec.ReadToken()
		key := name.String()
		value, _ := dec.ReadValue()
		text += `"` + key + `":`
		empty := string(value) == "null" || string(value) == `""`
		if of := values[key]; of != nil && (!empty || key == "client_message_tag") {
			parts = append(parts, part{text, of})
			text = ""
		} else {
			text += string(value)
		}
		if dec.PeekKind() == '"' {
			text += ","
		}
	}
	return append(parts, part{text: text + "}"})
}

// appendEvent appends the envelope of a step to dst and returns it with the
// event's reference; begin is when the steps of the customer count from. Every
// call makes a fresh event_id (R-ID).
func (c *customer) appendEvent(dst []byte, st *Step, begin time.Time) ([]byte, EventRef) {
	ts := begin.Add(st.At).UTC().Truncate(time.Millisecond)
	dst = append(dst, `{"event_id":"`...)
	idStart := len(dst)
	dst = append(dst, c.host...)
	dst = appendUUID(dst, c.rng)
	dst = append(dst, c.tail...)
	id := string(dst[idStart:])
	dst = append(dst, `","event_ts":"`...)
	dst = event.AppendTS(dst, ts)
	dst = append(dst, `","payload":`...)
	for _, p := range c.tenant.payload(st.Event) {
		dst = append(dst, p.text...)
		if p.value != nil {
			dst = append(dst, p.value(c, st)...)
		}
	}
	dst = append(dst, `,"event_name":"`...)
	dst = append(dst, st.Event...)
	dst = append(dst, `"}`...)
	return dst, EventRef{ID: id, Name: st.Event, TS: ts, CCID: c.ccid}
}

const hexDigits = "0123456789abcdef"

// appendUUID appends a random UUID of version 4 in lower case.
func appendUUID(dst []byte, rng *rand.Rand) []byte {
	hi, lo := rng.Uint64(), rng.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 2<<62
	for i := 60; i >= 0; i -= 4 {
		dst = append(dst, hexDigits[hi>>i&15])
		if i == 32 || i == 16 {
			dst = append(dst, '-')
		}
	}
	dst = append(dst, '-')
	for i := 60; i >= 0; i -= 4 {
		dst = append(dst, hexDigits[lo>>i&15])
		if i == 48 {
			dst = append(dst, '-')
		}
	}
	return dst
}

func quotedUUID(rng *rand.Rand) string {
	b := append(make([]byte, 0, 38), '"')
	return string(append(appendUUID(b, rng), '"'))
}

// quoteJSON writes s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func quoteJSON(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return `"` + s + `"` // nothing to escape
	}
	b, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\uFFFD"))
	return string(b)
}
