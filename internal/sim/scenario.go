package sim

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/strictyaml"
)

// Scenario is a scripted sequence of events for one or more customers.
type Scenario struct {
	Name      string
	Summary   string
	Customers int
	Every     time.Duration // from the begin of one customer's script to the next one's
	Channels  int           // numbers of each customer
	Messages  int           // triggers of each customer
	Steps     []Step
	// Presets are flags of send that the scenario asks for, which those of the
	// command line beat.
	Presets []Preset
	// Receiver tells how the embedded receiver behaves; other endpoints are not
	// touched by it.
	Receiver ReceiverDefaults

	doc *strictyaml.Document
}

// Step is one event of a scenario.
type Step struct {
	Event    string
	At       time.Duration // event_ts, after the customer's begin
	Arrives  time.Duration // when it is sent, after the customer's begin
	Copies   int           // how often it is delivered, byte-identical
	LostAcks int           // how many first answers are dropped
	Channel  int           // which number, from 1
	Message  int           // which trigger, from 1
	Consent  string        // of channel_consent.update
	Set      []event.Override
}

// Preset is a flag of send, with its value as on the command line.
type Preset struct{ Flag, Value string }

// ReceiverDefaults tell how the embedded receiver answers in a scenario.
type ReceiverDefaults struct {
	Respond  []string      // scripts as for listen --respond
	TokenTTL time.Duration // how long its OAuth tokens live, 0 for its own default
}

// Errorf makes an error at the place in the scenario's file that path leads to,
// such as "$.receiver.respond[0]".
func (s *Scenario) Errorf(path, format string, args ...any) error {
	return s.doc.Errorf(path, format, args...)
}

// The document as people write it. Values are taken as they stand, so that
// nothing is turned into what it is not: 2.5 copies are no 2.
type scenarioDoc struct {
	Name      any         `yaml:"name"`
	Summary   any         `yaml:"summary"`
	Customers any         `yaml:"customers"`
	Every     any         `yaml:"every"`
	Channels  any         `yaml:"channels"`
	Messages  any         `yaml:"messages"`
	Steps     []*stepDoc  `yaml:"steps"`
	Send      sendDoc     `yaml:"send"`
	Receiver  receiverDoc `yaml:"receiver"`
}

type stepDoc struct {
	Event    any            `yaml:"event"`
	At       any            `yaml:"at"`
	Arrives  any            `yaml:"arrives"`
	Copies   any            `yaml:"copies"`
	LostAcks any            `yaml:"lost_acks"`
	Channel  any            `yaml:"channel"`
	Message  any            `yaml:"message"`
	Consent  any            `yaml:"consent"`
	Set      map[string]any `yaml:"set"`
	Unset    []any          `yaml:"unset"`
}

type sendDoc struct {
	Attempts    any `yaml:"attempts"`
	RetryDelays any `yaml:"retry_delays"`
	RetryOn     any `yaml:"retry_on"`
	Timeout     any `yaml:"timeout"`
	TimeScale   any `yaml:"time_scale"`
	Pace        any `yaml:"pace"`
	Rate        any `yaml:"rate"`
	Workers     any `yaml:"workers"`
	Spread      any `yaml:"spread"`
	Batch       any `yaml:"batch"`
	BatchShape  any `yaml:"batch_shape"`
	Auth        any `yaml:"auth"`
}

type receiverDoc struct {
	Respond  []any `yaml:"respond"`
	TokenTTL any   `yaml:"token_ttl"`
}

// Bounds of a scenario, so that a typing slip does not fill the memory: of a
// customer some hundred bytes are kept until the last of its events.
const (
	maxCustomers = 100_000
	maxChannels  = 50 // numbers a CCID, as Relay documents
	maxMessages  = 1000
	maxSteps     = 10_000
	maxCopies    = 1000
	maxLostAcks  = 100
	maxAttempts  = 1000
	maxWorkers   = 10_000
	maxBatch     = 10_000
	maxScripts   = 100
	maxTimeScale = 1000
)

// The forms of the texts, which the schema has as well. Their bounds keep what
// they say far from an overflow.
const (
	durationForm = `(?:[0-9]{1,5}(?:\.[0-9]{1,6})?(?:ms|s|m|h)){1,4}`
	delaysForm   = ` *` + durationForm + `(?: *, *` + durationForm + `)* *`
	retryForm    = `[1-5][0-9][0-9]|[1-5]xx|timeout|connect|cut|tls|token|none`
	retriesForm  = ` *(?:` + retryForm + `)(?: *, *(?:` + retryForm + `))* *`
	rateForm     = `[1-9][0-9]{0,6}(?:\.[0-9]{1,3})?/[smh]`
	ttlForm      = `[1-9][0-9]{0,4}[smh]`
)

func consents() []string { return []string{"written", "express", "stop"} }

// ParseScenario reads a scenario file strictly; file is its name in errors,
// which carry line, column and the nearest right word.
func ParseScenario(file string, data []byte) (*Scenario, error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	var raw scenarioDoc
	if err := doc.Decode(&raw); err != nil {
		return nil, err
	}
	p := &scenarioParser{doc: doc, forms: map[string]*regexp.Regexp{}}
	s := &Scenario{
		Name: p.text("$.name", raw.Name), Summary: p.text("$.summary", raw.Summary),
		Customers: p.number("$.customers", raw.Customers, 1, 1, maxCustomers),
		Every:     p.duration("$.every", raw.Every, 0, false),
		Channels:  p.number("$.channels", raw.Channels, 1, 1, maxChannels),
		Messages:  p.number("$.messages", raw.Messages, 1, 1, maxMessages),
		doc:       doc,
	}
	switch {
	case len(raw.Steps) == 0:
		p.fail("$.steps", "a scenario needs steps, such as - event: message.delivered")
	case len(raw.Steps) > maxSteps:
		p.fail("$.steps", "a scenario has at most %d steps", maxSteps)
	}
	for i, st := range raw.Steps {
		s.Steps = append(s.Steps, p.step(fmt.Sprintf("$.steps[%d]", i), st, s))
	}
	s.Presets = p.presets(raw.Send)
	s.Receiver = p.receiver(raw.Receiver)
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

func (p *scenarioParser) step(path string, raw *stepDoc, s *Scenario) Step {
	if raw == nil || raw.Event == nil {
		p.fail(path, "a step needs an event")
		return Step{}
	}
	st := Step{
		Event:    p.word(path+".event", "event", raw.Event, event.Names()),
		At:       p.duration(path+".at", raw.At, 0, true),
		Copies:   p.number(path+".copies", raw.Copies, 1, 1, maxCopies),
		LostAcks: p.number(path+".lost_acks", raw.LostAcks, 0, 0, maxLostAcks),
		Channel:  p.oneOfMany(path+".channel", raw.Channel, "channels", s.Channels),
		Message:  p.oneOfMany(path+".message", raw.Message, "messages", s.Messages),
		Consent:  p.word(path+".consent", "consent", raw.Consent, consents()),
	}
	st.Arrives = p.duration(path+".arrives", raw.Arrives, st.At, true)
	switch {
	case raw.Consent != nil && st.Event != "channel_consent.update":
		p.fail(path+".consent", "only channel_consent.update has a consent")
	case raw.Consent == nil:
		st.Consent = "stop"
	}
	st.Set = p.overrides(path, raw)
	return st
}

// oneOfMany reads which of the customer's channels or messages a step is about.
func (p *scenarioParser) oneOfMany(path string, v any, what string, count int) int {
	n := p.number(path, v, 1, 1, max(maxChannels, maxMessages))
	if n > count {
		p.fail(path, "there is no number %d: the scenario has %s: %d", n, what, count)
	}
	return n
}

func (p *scenarioParser) overrides(path string, raw *stepDoc) []event.Override {
	var out []event.Override
	add := func(key string, o event.Override, err error) {
		if err != nil {
			p.fail(path+key, "%v", err)
		}
		out = append(out, o)
	}
	keys := make([]string, 0, len(raw.Set))
	for k := range raw.Set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		o, err := event.NewSet(k, raw.Set[k])
		add(".set", o, err)
	}
	for i, v := range raw.Unset {
		at := fmt.Sprintf(".unset[%d]", i)
		o, err := event.ParseUnset(p.text(path+at, v))
		add(at, o, err)
	}
	return out
}

// presets reads the flags that the scenario asks for.
func (p *scenarioParser) presets(raw sendDoc) []Preset {
	var out []Preset
	add := func(flag string, v any, value func() string) {
		if v != nil {
			out = append(out, Preset{flag, value()})
		}
	}
	number := func(path string, v any, most int) func() string {
		return func() string { return fmt.Sprint(p.number(path, v, 1, 1, most)) }
	}
	form := func(path string, v any, form, like string) func() string {
		return func() string { return p.form(path, v, form, like) }
	}
	word := func(path, what string, v any, words ...string) func() string {
		return func() string { return p.word(path, what, v, words) }
	}
	add("attempts", raw.Attempts, number("$.send.attempts", raw.Attempts, maxAttempts))
	add("retry-delays", raw.RetryDelays, form("$.send.retry_delays", raw.RetryDelays, delaysForm, "a list of delays such as 10s,30s,2m"))
	add("retry-on", raw.RetryOn, form("$.send.retry_on", raw.RetryOn, retriesForm, "a list such as 500,5xx,timeout,connect"))
	add("timeout", raw.Timeout, func() string { return p.timeout("$.send.timeout", raw.Timeout) })
	add("time-scale", raw.TimeScale, func() string { return p.scale("$.send.time_scale", raw.TimeScale) })
	add("pace", raw.Pace, word("$.send.pace", "pace", raw.Pace, "fast", "original"))
	add("rate", raw.Rate, form("$.send.rate", raw.Rate, rateForm, "a rate such as 50/s or 5000/m"))
	add("workers", raw.Workers, number("$.send.workers", raw.Workers, maxWorkers))
	add("spread", raw.Spread, func() string { return p.flag("$.send.spread", raw.Spread) })
	add("batch", raw.Batch, number("$.send.batch", raw.Batch, maxBatch))
	add("batch-shape", raw.BatchShape, word("$.send.batch_shape", "shape", raw.BatchShape, string(event.Array), string(event.Wrapped)))
	add("auth", raw.Auth, word("$.send.auth", "scheme", raw.Auth, auth.Kinds()...))
	return out
}

func (p *scenarioParser) receiver(raw receiverDoc) ReceiverDefaults {
	var r ReceiverDefaults
	if len(raw.Respond) > maxScripts {
		p.fail("$.receiver.respond", "a scenario has at most %d scripts", maxScripts)
	}
	for i, v := range raw.Respond {
		path := fmt.Sprintf("$.receiver.respond[%d]", i)
		if n, ok := whole(v); ok { // 500 is a script, too
			v = fmt.Sprint(n)
		}
		text := p.text(path, v)
		if text == "" {
			p.fail(path, "a script is missing here, such as 500,500,200")
		}
		r.Respond = append(r.Respond, text)
	}
	if raw.TokenTTL != nil {
		// The form leaves nothing to fail.
		r.TokenTTL, _ = time.ParseDuration(p.form("$.receiver.token_ttl", raw.TokenTTL, ttlForm, "a whole number of seconds, minutes or hours, such as 2s"))
	}
	return r
}
