package sim

import (
	"fmt"
	"sort"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/strictyaml"
	"relayctl/internal/suggest"
)

// Scenario is a scripted sequence of events for one or more customers.
type Scenario struct {
	Name      string
	Summary   string
	Customers int
	Channels  int // numbers of each customer
	Messages  int // triggers of each customer
	Steps     []Step
	// Send holds defaults for the sender, which flags of the command line beat.
	Send SendDefaults
	// Receiver tells how the embedded receiver behaves; other endpoints are not
	// touched by it.
	Receiver ReceiverDefaults
}

// Step is one event of a scenario.
type Step struct {
	Event    string
	At       time.Duration // event_ts, after the start
	Arrives  time.Duration // when it is sent, after the start
	Copies   int           // how often it is delivered, byte-identical
	LostAcks int           // how many first answers are dropped
	Channel  int           // which number, from 1
	Message  int           // which trigger, from 1
	Consent  string        // of channel_consent.update
	Set      []event.Override
}

// SendDefaults are flags of send that a scenario presets, as they would be
// written on the command line; "" leaves the flag's own default.
type SendDefaults struct {
	RetryDelays string `yaml:"retry_delays"`
	TimeScale   string `yaml:"time_scale"`
	Timeout     string `yaml:"timeout"`
	Workers     string `yaml:"workers"`
	Spread      string `yaml:"spread"`
	Batch       string `yaml:"batch"`
	BatchShape  string `yaml:"batch_shape"`
	Auth        string `yaml:"auth"`
	Pace        string `yaml:"pace"`
}

// ReceiverDefaults tell how the embedded receiver answers in a scenario.
type ReceiverDefaults struct {
	Respond  []string `yaml:"respond"`   // scripts as for listen --respond
	TokenTTL string   `yaml:"token_ttl"` // how long its OAuth tokens live
}

// The document as people write it; times are texts so that errors can point at
// them.
type scenarioDoc struct {
	Name      string           `yaml:"name"`
	Summary   string           `yaml:"summary"`
	Customers *int             `yaml:"customers"`
	Channels  *int             `yaml:"channels"`
	Messages  *int             `yaml:"messages"`
	Steps     []stepDoc        `yaml:"steps"`
	Send      SendDefaults     `yaml:"send"`
	Receiver  ReceiverDefaults `yaml:"receiver"`
}

type stepDoc struct {
	Event    string         `yaml:"event"`
	At       string         `yaml:"at"`
	Arrives  string         `yaml:"arrives"`
	Copies   *int           `yaml:"copies"`
	LostAcks *int           `yaml:"lost_acks"`
	Channel  *int           `yaml:"channel"`
	Message  *int           `yaml:"message"`
	Consent  string         `yaml:"consent"`
	Set      map[string]any `yaml:"set"`
	Unset    []string       `yaml:"unset"`
}

// Bounds of a scenario, so that a typing slip does not fill the memory.
const (
	maxCustomers = 1_000_000
	maxChannels  = 50 // numbers a CCID, as Relay documents
	maxSteps     = 10_000
)

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
	p := scenarioParser{doc: doc}
	s := &Scenario{
		Name: raw.Name, Summary: raw.Summary, Send: raw.Send, Receiver: raw.Receiver,
		Customers: p.number("$.customers", raw.Customers, 1, 1, maxCustomers),
		Channels:  p.number("$.channels", raw.Channels, 1, 1, maxChannels),
		Messages:  p.number("$.messages", raw.Messages, 1, 1, 1000),
	}
	if len(raw.Steps) == 0 {
		p.fail("$.steps", "a scenario needs steps")
	}
	if len(raw.Steps) > maxSteps {
		p.fail("$.steps", "a scenario has at most %d steps", maxSteps)
	}
	for i, st := range raw.Steps {
		s.Steps = append(s.Steps, p.step(fmt.Sprintf("$.steps[%d]", i), st, s))
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

// scenarioParser keeps the first fault.
type scenarioParser struct {
	doc *strictyaml.Document
	err error
}

func (p *scenarioParser) fail(path, format string, args ...any) {
	if p.err == nil {
		p.err = p.doc.Errorf(path, format, args...)
	}
}

func (p *scenarioParser) number(path string, v *int, def, least, most int) int {
	if v == nil {
		return def
	}
	if *v < least || *v > most {
		p.fail(path, "%d is not between %d and %d", *v, least, most)
	}
	return *v
}

func (p *scenarioParser) duration(path, text string, def time.Duration) time.Duration {
	if text == "" {
		return def
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		p.fail(path, "%q is no duration such as 4s, -2s or 1m30s", text)
	}
	return d
}

func (p *scenarioParser) step(path string, raw stepDoc, s *Scenario) Step {
	if raw.Event == "" {
		p.fail(path, "a step needs an event")
	} else if _, known := event.Lookup(raw.Event); !known {
		p.fail(path+".event", "unknown event %q%s", raw.Event, suggest.DidYouMean(raw.Event, event.Names()))
	}
	st := Step{
		Event: raw.Event, Consent: raw.Consent,
		At:       p.duration(path+".at", raw.At, 0),
		Copies:   p.number(path+".copies", raw.Copies, 1, 1, 1000),
		LostAcks: p.number(path+".lost_acks", raw.LostAcks, 0, 0, 100),
		Channel:  p.number(path+".channel", raw.Channel, 1, 1, s.Channels),
		Message:  p.number(path+".message", raw.Message, 1, 1, s.Messages),
	}
	st.Arrives = p.duration(path+".arrives", raw.Arrives, st.At)
	consents := []string{"written", "express", "stop"}
	switch {
	case raw.Consent == "" && raw.Event == "channel_consent.update":
		st.Consent = "stop"
	case raw.Consent != "" && raw.Event != "channel_consent.update":
		p.fail(path+".consent", "only channel_consent.update has a consent")
	case raw.Consent != "" && raw.Consent != consents[0] && raw.Consent != consents[1] && raw.Consent != consents[2]:
		p.fail(path+".consent", "%q is none of written, express, stop%s", raw.Consent, suggest.DidYouMean(raw.Consent, consents))
	}
	keys := make([]string, 0, len(raw.Set))
	for k := range raw.Set {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		o, err := event.NewSet(k, raw.Set[k])
		if err != nil {
			p.fail(path+".set", "%v", err)
		}
		st.Set = append(st.Set, o)
	}
	for _, k := range raw.Unset {
		o, err := event.ParseUnset(k)
		if err != nil {
			p.fail(path+".unset", "%v", err)
		}
		st.Set = append(st.Set, o)
	}
	return st
}
