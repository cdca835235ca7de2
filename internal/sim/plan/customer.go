package plan

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/brianvoe/gofakeit/v6"
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

// of is the identifier of the customer of that index, and its lane.
func (id *Identity) of(index uint64) (ccid string, lane uint64) {
	if id.CCID != "" {
		return id.CCID, CustomerLane(id.CCID)
	}
	return strconv.FormatUint(firstCCID+index, 10), index
}

// customer holds the properties that stay constant for one customer, already
// written as JSON strings, so that an event is put together by appending.
type customer struct {
	tenant    *tenant
	rng       *rand.Rand
	outline   bool   // its events have no bodies
	ccid      string // as it is, for references
	index     uint64
	lane      uint64 // rows of one customer share it
	consent   string
	host      string // what the event ids begin with
	tail      string // and what they end with
	quoted    constants
	channels  []string // the numbers, as JSON strings
	messages  []message
	actionTel string
	action    string
}

// constants are properties of every event, as JSON strings.
type constants struct {
	ccid, customerID, group, tag string
}

// message is one message to a customer: one trigger.
type message struct {
	trigger, journey, tracking, id, name string // as JSON strings
	notifications                        []string
}

// tenant is the company on whose behalf Relay sends: what all customers of a
// run share, as JSON strings.
type tenant struct {
	id       string
	job      string
	names    []string
	payloads map[string][]part // by event name, made when first needed
}

// newTenant draws a tenant from the run's seed.
func newTenant(seed uint64) *tenant {
	rng := rand.New(rand.NewPCG(seed, 0xc11e47))
	faker := gofakeit.NewCustom(fakerSource{rng})
	t := &tenant{
		id:       quoteJSON(slug(faker.Company())),
		job:      quotedUUID(rng),
		payloads: map[string][]part{},
	}
	for _, topic := range []string{"Payment reminder", "Appointment reminder", "Delivery update", "Account alert", "Welcome", "Statement ready"} {
		t.names = append(t.names, quoteJSON(topic+" "+faker.MonthString()))
	}
	return t
}

// fakerSource lets gofakeit draw from the run's generator: seeding its own for
// every customer would cost more than all of the customer's events.
type fakerSource struct{ rng *rand.Rand }

func (s fakerSource) Seed(int64)     {}
func (s fakerSource) Int63() int64   { return s.rng.Int64() }
func (s fakerSource) Uint64() uint64 { return s.rng.Uint64() }

// newCustomer draws the customer of that index. The same seed and index give
// the same customer, whoever asks and in whichever order. An outline draws the same,
// but has none of the texts that only bodies show.
func newCustomer(t *tenant, seed, index uint64, id Identity, outline bool) *customer {
	pcg := rand.NewPCG(seed, index+1)
	rng := rand.New(pcg)
	c := &customer{tenant: t, rng: rng, outline: outline, index: index, consent: id.Consent}
	c.ccid, c.lane = id.of(index)
	if c.consent == "" {
		c.consent = [...]string{"written", "express"}[rng.IntN(2)]
	}
	group := `"default"`
	if id.ProductGroupID != "" {
		group = c.quote(id.ProductGroupID)
	}
	a, b, n := rng.IntN(8), rng.IntN(256), 100000+rng.IntN(900000)
	if !outline {
		c.host = "ip-10-" + strconv.Itoa(a) + "-0-" + strconv.Itoa(b) + "-" + strconv.Itoa(n) + "-8h-"
	}
	c.tail = "-1mha"
	c.quoted = constants{c.quote(c.ccid), c.uuid(), group, c.quote(id.ClientMessageTag)}
	if id.PhoneNumber == "" {
		c.channels = []string{c.number(index)}
	} else {
		c.channels = []string{c.quote(id.PhoneNumber)}
	}
	faker := gofakeit.NewCustom(fakerSource{rng})
	c.action = c.quote(faker.RandomString([]string{"Call Customer Service", "Pay now", "Confirm appointment", "View statement", "Track delivery"}))
	c.actionTel = c.quote("(800) 555 " + faker.Numerify("01##"))
	c.addMessage(id.TriggerID)
	return c
}

// uuid draws a random UUID, as a JSON string.
func (c *customer) uuid() string {
	if c.outline {
		c.rng.Uint64()
		c.rng.Uint64()
		return ""
	}
	return quotedUUID(c.rng)
}

// quote writes a text as a JSON string, which only a body needs.
func (c *customer) quote(text string) string {
	if c.outline {
		return ""
	}
	return quoteJSON(text)
}

// number gives the number of that index, as a JSON string.
func (c *customer) number(n uint64) string {
	if c.outline {
		return ""
	}
	return quoteJSON(fakeNumber(n))
}

// fakeNumber gives an 11-digit number in the area code 000, which is not in use.
func fakeNumber(n uint64) string {
	s := strconv.FormatUint(5550000+n%4450000, 10)
	return "1000" + s
}

// addChannel connects one more number to the customer.
func (c *customer) addChannel() {
	c.channels = append(c.channels, c.number(uint64(len(c.channels))*1_000_003+c.index))
}

// need gives the customer so many channels and messages.
func (c *customer) need(channels, messages int) {
	for len(c.channels) < channels {
		c.addChannel()
	}
	for len(c.messages) < messages {
		c.addMessage("")
	}
}

// addMessage starts the next trigger.
func (c *customer) addMessage(trigger string) {
	m := message{
		journey: c.uuid(), tracking: c.uuid(), id: c.uuid(),
		name: c.tenant.names[c.rng.IntN(len(c.tenant.names))],
	}
	if trigger == "" {
		m.trigger = c.uuid()
	} else {
		m.trigger = c.quote(trigger)
	}
	c.messages = append(c.messages, m)
}

// notification returns the id of the message's notification on a channel, made
// when it is first asked for.
func (c *customer) notification(msg, channel int) string {
	m := &c.messages[msg]
	for len(m.notifications) <= channel {
		m.notifications = append(m.notifications, c.uuid())
	}
	return m.notifications[channel]
}

// slug makes a client_id such as acme_corp from a company's name.
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
