package sim

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/brianvoe/gofakeit/v6"
	"github.com/go-json-experiment/json/jsontext"

	"relayctl/fixtures"
	"relayctl/internal/event"
)

// Identity is what the user fixes of a customer; an empty field is generated.
type Identity struct {
	CCID             string
	PhoneNumber      string // of the first channel
	ProductGroupID   string
	Consent          string // written, express or stop
	TriggerID        string
	ClientMessageTag string
}

// customer holds the properties that stay constant for one customer, already
// written as JSON strings, so that an event is put together by appending.
type customer struct {
	rng       *rand.Rand
	ccid      string // as it is, for references
	index     uint64
	lane      uint64 // rows of one customer share it
	consent   string
	host      string // what the event ids begin with
	tail      string // and what they end with
	json      constants
	channels  []string // the numbers, as JSON strings
	messages  []message
	actionTel string
	action    string
}

type constants struct {
	ccid, clientID, customerID, group, tag string
}

// message is one message to a customer: one trigger.
type message struct {
	trigger, journey, job, tracking, id, name string // as JSON strings
	notifications                             []string
}

// client is what all customers of a run share, as JSON strings.
type client struct {
	id    string
	job   string
	names []string
}

// newClient draws what all customers of a run share from its seed.
func newClient(seed uint64) *client {
	rng := rand.New(rand.NewPCG(seed, 0xc11e47))
	faker := gofakeit.NewCustom(fakerSource{rng})
	c := &client{
		id:  quoteJSON(slug(faker.Company())),
		job: quotedUUID(rng),
	}
	for _, topic := range []string{"Payment reminder", "Appointment reminder", "Delivery update", "Account alert", "Welcome", "Statement ready"} {
		c.names = append(c.names, quoteJSON(topic+" "+faker.MonthString()))
	}
	return c
}

// fakerSource lets gofakeit draw from the run's generator: seeding its own for
// every customer would cost more than all of the customer's events.
type fakerSource struct{ rng *rand.Rand }

func (s fakerSource) Seed(int64)     {}
func (s fakerSource) Int63() int64   { return s.rng.Int64() }
func (s fakerSource) Uint64() uint64 { return s.rng.Uint64() }

// newCustomer draws the customer of that index. The same seed and index give
// the same customer, whoever asks and in whichever order.
func newCustomer(cl *client, seed, index uint64, id Identity) *customer {
	pcg := rand.NewPCG(seed, index+1)
	rng := rand.New(pcg)
	c := &customer{rng: rng, index: index, lane: index, consent: id.Consent, ccid: id.CCID}
	if c.ccid == "" {
		c.ccid = strconv.FormatUint(1001+index, 10)
	} else {
		c.lane = laneHash(c.ccid)
	}
	if c.consent == "" {
		c.consent = [...]string{"written", "express"}[rng.IntN(2)]
	}
	group := `"default"`
	if id.ProductGroupID != "" {
		group = quoteJSON(id.ProductGroupID)
	}
	c.host = "ip-10-" + strconv.Itoa(rng.IntN(8)) + "-0-" + strconv.Itoa(rng.IntN(256)) + "-" + strconv.Itoa(100000+rng.IntN(900000)) + "-8h-"
	c.tail = "-1mha"
	c.json = constants{quoteJSON(c.ccid), cl.id, quotedUUID(rng), group, quoteJSON(id.ClientMessageTag)}
	number := id.PhoneNumber
	if number == "" {
		number = fakeNumber(index)
	}
	c.channels = []string{quoteJSON(number)}
	faker := gofakeit.NewCustom(fakerSource{rng})
	c.action = quoteJSON(faker.RandomString([]string{"Call Customer Service", "Pay now", "Confirm appointment", "View statement", "Track delivery"}))
	c.actionTel = quoteJSON("(800) 555 " + faker.Numerify("01##"))
	c.addMessage(cl, id.TriggerID)
	return c
}

// fakeNumber gives an 11-digit number in the area code 000, which nobody has.
func fakeNumber(n uint64) string {
	s := strconv.FormatUint(5550000+n%4450000, 10)
	return "1000" + s
}

// addChannel connects one more number to the customer.
func (c *customer) addChannel() {
	c.channels = append(c.channels, quoteJSON(fakeNumber(uint64(len(c.channels))*1_000_003+c.index)))
}

// addMessage starts the next trigger.
func (c *customer) addMessage(cl *client, trigger string) {
	m := message{
		journey: quotedUUID(c.rng), job: cl.job, tracking: quotedUUID(c.rng), id: quotedUUID(c.rng),
		name: cl.names[c.rng.IntN(len(cl.names))],
	}
	if trigger == "" {
		m.trigger = quotedUUID(c.rng)
	} else {
		m.trigger = quoteJSON(trigger)
	}
	c.messages = append(c.messages, m)
}

// notification returns the id of the message's notification on a channel, made
// when it is first asked for.
func (c *customer) notification(msg, channel int) string {
	m := &c.messages[msg]
	for len(m.notifications) <= channel {
		m.notifications = append(m.notifications, quotedUUID(c.rng))
	}
	return m.notifications[channel]
}

// happening is one event of a customer's life before it is written out.
type happening struct {
	name    string
	family  fixtures.Family
	at      time.Duration // event_ts, after the start
	channel int
	message int
	consent string // of channel_consent.update
}

// appendEvent appends the envelope of h to dst and returns it with the event's
// reference. Every call makes a fresh event_id (R-ID).
func (c *customer) appendEvent(dst []byte, h happening, start time.Time) ([]byte, EventRef) {
	ts := start.Add(h.at).UTC().Truncate(time.Millisecond)
	dst = append(dst, `{"event_id":"`...)
	idStart := len(dst)
	dst = append(dst, c.host...)
	dst = appendUUID(dst, c.rng)
	dst = append(dst, c.tail...)
	id := string(dst[idStart:])
	dst = append(dst, `","event_ts":"`...)
	dst = appendTS(dst, ts)
	dst = append(dst, `","payload":`...)
	switch h.family {
	case fixtures.Message:
		dst = c.appendMessage(dst, h)
	case fixtures.Notification:
		dst = c.appendNotification(dst, h)
	default:
		dst = c.appendConnection(dst, h)
	}
	dst = append(dst, `,"event_name":"`...)
	dst = append(dst, h.name...)
	dst = append(dst, `"}`...)
	return dst, EventRef{ID: id, Name: h.name, TS: ts, CCID: c.ccid}
}

// appendMessage writes the properties of the message family in the order of
// the documentation's sample; channel_* are empty and notification_id is null.
func (c *customer) appendMessage(dst []byte, h happening) []byte {
	m := &c.messages[h.message]
	label, value := "null", "null"
	if h.name == "message.action_taken" {
		label, value = c.action, c.actionTel
	}
	dst = append(dst, `{"action_type":null,"product_group_id":`...)
	dst = append(dst, c.json.group...)
	dst = append(dst, `,"trigger_id":`...)
	dst = append(dst, m.trigger...)
	dst = append(dst, `,"channel_addr":"","channel_type":"","ccid":`...)
	dst = append(dst, c.json.ccid...)
	dst = append(dst, `,"journey_id":`...)
	dst = append(dst, m.journey...)
	dst = append(dst, `,"action_value":`...)
	dst = append(dst, value...)
	dst = append(dst, `,"relay_tracking_id":`...)
	dst = append(dst, m.tracking...)
	dst = append(dst, `,"message_id":`...)
	dst = append(dst, m.id...)
	dst = append(dst, `,"message_name":`...)
	dst = append(dst, m.name...)
	dst = append(dst, `,"notification_id":null,"action_label":`...)
	dst = append(dst, label...)
	dst = append(dst, `,"client_id":`...)
	dst = append(dst, c.json.clientID...)
	dst = append(dst, `,"event_type":"message","client_message_tag":`...)
	dst = append(dst, c.json.tag...)
	dst = append(dst, `,"job_id":`...)
	dst = append(dst, m.job...)
	dst = append(dst, `,"customer_id":`...)
	dst = append(dst, c.json.customerID...)
	dst = append(dst, `,"event_subtype":"`...)
	dst = append(dst, strings.TrimPrefix(h.name, "message.")...)
	return append(dst, `"}`...)
}

func (c *customer) appendNotification(dst []byte, h happening) []byte {
	m := &c.messages[h.message]
	dst = append(dst, `{"ccid":`...)
	dst = append(dst, c.json.ccid...)
	dst = append(dst, `,"client_id":`...)
	dst = append(dst, c.json.clientID...)
	dst = append(dst, `,"client_message_tag":`...)
	dst = append(dst, c.json.tag...)
	dst = append(dst, `,"channel_addr":`...)
	dst = append(dst, c.channels[h.channel]...)
	dst = append(dst, `,"channel_type":"sms","customer_id":`...)
	dst = append(dst, c.json.customerID...)
	dst = append(dst, `,"job_id":`...)
	dst = append(dst, m.job...)
	dst = append(dst, `,"journey_id":`...)
	dst = append(dst, m.journey...)
	dst = append(dst, `,"message_id":`...)
	dst = append(dst, m.id...)
	dst = append(dst, `,"message_name":`...)
	dst = append(dst, m.name...)
	dst = append(dst, `,"notification_id":`...)
	dst = append(dst, c.notification(h.message, h.channel)...)
	dst = append(dst, `,"product_group_id":`...)
	dst = append(dst, c.json.group...)
	dst = append(dst, `,"relay_tracking_id":`...)
	dst = append(dst, m.tracking...)
	dst = append(dst, `,"trigger_id":`...)
	dst = append(dst, m.trigger...)
	return append(dst, '}')
}

func (c *customer) appendConnection(dst []byte, h happening) []byte {
	addr, kind := c.channels[h.channel], `"sms"`
	if h.name == "account.deactivate" {
		addr, kind = `""`, `""`
	}
	dst = append(dst, `{"ccid":`...)
	dst = append(dst, c.json.ccid...)
	dst = append(dst, `,"client_id":`...)
	dst = append(dst, c.json.clientID...)
	dst = append(dst, `,"customer_id":`...)
	dst = append(dst, c.json.customerID...)
	dst = append(dst, `,"product_group_id":`...)
	dst = append(dst, c.json.group...)
	dst = append(dst, `,"channel_addr":`...)
	dst = append(dst, addr...)
	dst = append(dst, `,"channel_type":`...)
	dst = append(dst, kind...)
	if h.name == "channel_consent.update" {
		dst = append(dst, `,"current_consent":"`...)
		dst = append(dst, h.consent...)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// appendTS writes a time in UTC as event.FormatTS does, at a fraction of its
// cost: every event has one.
func appendTS(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, event.TimeLayout)
	}
	hour, minute, second := t.Clock()
	dst = append(dst, "0000-00-00T00:00:00.000Z"...)
	b := dst[len(dst)-24:]
	put := func(end, v int) { // two digits
		b[end-2], b[end-1] = byte('0'+v/10), byte('0'+v%10)
	}
	put(2, year/100)
	put(4, year%100)
	put(7, int(month))
	put(10, day)
	put(13, hour)
	put(16, minute)
	put(19, second)
	milli := t.Nanosecond() / int(time.Millisecond)
	b[20] = byte('0' + milli/100)
	put(23, milli%100)
	return dst
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

// quoteJSON writes s as a JSON string; bytes that are no UTF-8 become U+FFFD.
func quoteJSON(s string) string {
	b, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\uFFFD"))
	return string(b)
}

// slug makes a client_id such as acme_corp of a company's name.
func slug(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r == ' ', r == '-', r == ',':
			return '_'
		}
		return -1
	}, name), "_")
}
