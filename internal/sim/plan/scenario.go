package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
	For      []int         // which of the scenario's customers go through it, from 1; none stands for all
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

// Errorf makes an error with the place in the scenario's file that path names,
// such as "$.receiver.respond[0]".
func (s *Scenario) Errorf(path, format string, args ...any) error {
	return s.doc.Errorf(path, format, args...)
}

// scenarioParts are the parts of a document that have a table of their own.
type scenarioParts struct {
	steps          []any
	send, receiver any
}

// fields is the table of a scenario's document: the parser, the JSON Schema and
// the texts of errors all come from it.
func (s *Scenario) fields(parts *scenarioParts) []field {
	return []field{
		{key: "name", kind: text(), to: &s.Name, about: "its name"},
		{key: "summary", kind: text(), to: &s.Summary, about: "what it shows, in a sentence"},
		{key: "customers", kind: number(1, maxCustomers), to: &s.Customers, about: "how many customers go through it; default: 1"},
		{key: "every", kind: duration(false), to: &s.Every, about: "from one customer's begin to the next one's; default: 0s"},
		{key: "channels", kind: number(1, maxChannels), to: &s.Channels, about: "how many numbers each customer has; default: 1"},
		{key: "messages", kind: number(1, maxMessages), to: &s.Messages, about: "how many messages each customer gets; default: 1"},
		{key: "steps", kind: list("steps", 1, maxSteps, stepSchema()), to: &parts.steps, required: true, about: "its events"},
		{key: "send", kind: mapping(s.sendFields()), to: &parts.send, about: "flags of send, unless they are given on the command line"},
		{key: "receiver", kind: mapping(s.receiverFields(new([]any))), to: &parts.receiver, about: "how the embedded receiver behaves; it does not affect other endpoints"},
	}
}

func (st *Step) fields(set *map[string]any, unset *[]any) []field {
	return []field{
		{key: "event", kind: word("event", event.Names()...), to: &st.Event, required: true, about: "the event's name"},
		{key: "at", kind: duration(true), to: &st.At, about: "its event_ts, after the start; default: 0s"},
		{key: "arrives", kind: duration(true), to: &st.Arrives, about: "when it is sent, after the start; default: at"},
		{key: "for", kind: numbers("customer", maxCustomers), to: &st.For, about: "which of the customers go through it, from 1: 2, or [2, 3]; default: all"},
		{key: "copies", kind: number(1, maxCopies), to: &st.Copies, about: "how often it is delivered, byte-identical; default: 1"},
		{key: "lost_acks", kind: number(0, maxLostAcks), to: &st.LostAcks, about: "how many first answers are dropped: it comes again; default: 0"},
		{key: "channel", kind: number(1, maxChannels), to: &st.Channel, about: "which of the customer's numbers, from 1; default: 1"},
		{key: "message", kind: number(1, maxMessages), to: &st.Message, about: "which of the customer's messages, from 1; default: 1"},
		{key: "consent", kind: word("consent", "written", "express", "stop"), to: &st.Consent, about: "of channel_consent.update; default: stop"},
		{key: "set", kind: mapping(nil), to: set, about: "properties to override, by path: {payload.ccid: \"1002\"}"},
		{key: "unset", kind: list("paths to remove", 0, maxSteps, text().schema), to: unset, about: "paths of properties to remove"},
	}
}

// sendFields are the flags of send that a scenario can ask for.
func (s *Scenario) sendFields() []field {
	to := &s.Presets
	return []field{
		{key: "attempts", kind: number(1, maxAttempts), to: to, about: "attempts in total (R-FOUR)"},
		{key: "retry_delays", kind: form(delaysForm, "a list of delays such as 10s,30s,2m"), to: to, about: "waits between the attempts, such as 10s,30s,2m (R-DELAYS)"},
		{key: "retry_on", kind: form(retriesForm, "a list such as 500,5xx,timeout,connect"), to: to, about: "what is tried again: statuses, 5xx, timeout, connect (R-RETRY-ONLY)"},
		{key: "timeout", kind: timeout(), to: to, about: "deadline of a call, such as 10s (R-DEADLINE)"},
		{key: "time_scale", kind: scale(), to: to, about: "multiplies every simulated wait"},
		{key: "pace", kind: word("pace", "fast", "original"), to: to, about: "original keeps the offsets"},
		{key: "rate", kind: form(rateForm, "a rate such as 50/s or 5000/m"), to: to, about: "pace in calls, such as 50/s"},
		{key: "workers", kind: number(1, maxWorkers), to: to, about: "serial workers (R-WORKERS)"},
		{key: "spread", kind: truth(), to: to, about: "each delivery to the next free worker"},
		{key: "batch", kind: number(1, maxBatch), to: to, about: "events a call (R-BATCH)"},
		{key: "batch_shape", kind: word("shape", string(event.Array), string(event.Wrapped)), to: to, about: "the shape of a batch (R-BATCH-BODY)"},
		{key: "auth", kind: word("scheme", authSchemes()...), to: to, about: "the embedded receiver's scheme"},
	}
}

func (s *Scenario) receiverFields(respond *[]any) []field {
	script := map[string]any{
		"type": []any{"string", "integer"}, "minLength": 1, "minimum": -1 << 53, "maximum": 1 << 53,
		"description": "a script of answers, such as 500,500,200",
	}
	return []field{
		{key: "respond", kind: list("scripts", 0, maxScripts, script), to: respond, about: "scripts of the answers; the first that matches an event counts"},
		{key: "token_ttl", kind: ttl(), to: &s.Receiver.TokenTTL, about: "how long its OAuth tokens live, such as 2s"},
	}
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
	delaysForm  = ` *` + strictyaml.DurationForm + `(?: *, *` + strictyaml.DurationForm + `)* *`
	retryForm   = `[1-5][0-9][0-9]|[1-5]xx|timeout|connect|cut|tls|token|none`
	retriesForm = ` *(?:` + retryForm + `)(?: *, *(?:` + retryForm + `))* *`
	rateForm    = `[1-9][0-9]{0,6}(?:\.[0-9]{1,3})?/[smh]`
	ttlForm     = `[1-9][0-9]{0,4}[smh]`
)

// authSchemes are the schemes of auth.Kinds, which a test compares.
func authSchemes() []string { return []string{"none", "basic", "api-key", "oauth"} }

// ParseScenario reads a scenario file strictly; file is its name in errors,
// which carry line, column and the nearest right word.
func ParseScenario(file string, data []byte) (*Scenario, error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	var root any
	if err := doc.Decode(&root); err != nil {
		return nil, err
	}
	p := &scenarioReader{doc: doc}
	s := &Scenario{Customers: 1, Channels: 1, Messages: 1, doc: doc}
	var parts scenarioParts
	p.mapping("$", root, s.fields(&parts))
	if len(parts.steps) == 0 {
		p.fail("$.steps", "a scenario needs steps, such as - event: message.delivered")
	}
	p.steps(parts.steps, s)
	p.mapping("$.send", parts.send, s.sendFields())
	p.receiver(parts.receiver, s)
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

// steps reads the steps, one after the other by the same table.
func (p *scenarioReader) steps(values []any, s *Scenario) {
	var st Step
	var set map[string]any
	var unset []any
	fields := st.fields(&set, &unset)
	for i, v := range values {
		path := fmt.Sprintf("$.steps[%d]", i)
		st, set, unset = Step{Copies: 1, Channel: 1, Message: 1}, nil, nil
		given := p.mapping(path, v, fields)
		p.checkStep(path, &st, given, s)
		st.Set = p.overrides(path, set, unset)
		s.Steps = append(s.Steps, st)
	}
}

func (p *scenarioReader) checkStep(path string, st *Step, given map[string]bool, s *Scenario) {
	if !given["event"] {
		p.fail(path, "a step needs an event")
	}
	if !given["arrives"] {
		st.Arrives = st.At
	}
	if given["consent"] && st.Event != "channel_consent.update" {
		p.fail(path+".consent", "only channel_consent.update has a consent")
	}
	for _, n := range st.For {
		p.within(path+".for", n, "customers", s.Customers)
	}
	p.within(path+".channel", st.Channel, "channels", s.Channels)
	p.within(path+".message", st.Message, "messages", s.Messages)
}

func (p *scenarioReader) overrides(path string, set map[string]any, unset []any) (out []event.Override) {
	for _, key := range slices.Sorted(maps.Keys(set)) {
		at := fmt.Sprintf("%s.set.'%s'", path, key)
		o, err := event.NewSet(key, p.asText(at, set[key], strings.Split(strings.TrimPrefix(key, "+"), ".")))
		out = append(out, o)
		p.check(path+".set", err)
	}
	for i, v := range unset {
		at := fmt.Sprintf("%s.unset[%d]", path, i)
		name, err := text().read(v)
		p.check(at, err)
		if err == nil {
			o, err := event.ParseUnset(name.(string))
			out = append(out, o)
			p.check(at, err)
		}
	}
	return out
}

// asText keeps what is set as the text that is written, where the property at
// property is a text: an id of digits, or a tag true.
func (p *scenarioReader) asText(at string, v any, property []string) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = p.asText(fmt.Sprintf("%s.'%s'", at, key), inner, append(slices.Clone(property), key))
		}
	case int64, uint64, float64, bool:
		if event.TakesText(property...) {
			return cmp.Or(p.doc.Source(at), fmt.Sprint(v))
		}
	}
	return v
}

// within checks which customer, channel or message a step is about.
func (p *scenarioReader) within(path string, n int, what string, count int) {
	if n > count {
		p.fail(path, "there is no number %d: the scenario has %s: %d", n, what, count)
	}
}

func (p *scenarioReader) receiver(v any, s *Scenario) {
	var scripts []any
	p.mapping("$.receiver", v, s.receiverFields(&scripts))
	for i, v := range scripts {
		path := fmt.Sprintf("$.receiver.respond[%d]", i)
		if n, ok := whole(v); ok { // 500 is a script, too
			v = fmt.Sprint(n)
		}
		script, err := text().read(v)
		p.check(path, err)
		if script == "" {
			p.fail(path, "a script is missing here, such as 500,500,200")
		}
		s.Receiver.Respond = append(s.Receiver.Respond, fmt.Sprint(script))
	}
}
