package capture

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"relayctl/internal/event"
)

var (
	errNotRecord = errors.New(`the line is not a record of a capture: it has no "v"`)
	errCut       = errors.New("the line is cut short")
)

// Parse reads one line of a capture. Unknown fields are ignored; a line of
// another version is an error.
func Parse(text []byte) (*Record, error) {
	p := newParser()
	if err := p.parse(text); err != nil {
		return nil, err
	}
	return p.line.Record, nil
}

// parser reads lines of a capture into one record, whose memory it reuses.
type parser struct {
	options json.Options
	line    line
}

// line is a record with the fields that JSON writes in another form.
type line struct {
	Version int `json:"v"`
	*Record
	Headers headers `json:"headers"`
	Body    text    `json:"body"`
	Base64  []byte  `json:"body_base64"`
	App     *app    `json:"app"`
}

// app is an App with the fields that JSON writes in another form.
type app struct {
	URL       string  `json:"url"`
	Status    int     `json:"status"`
	Headers   headers `json:"headers"`
	Body      text    `json:"body"`
	Base64    []byte  `json:"body_base64"`
	Truncated bool    `json:"body_truncated"`
	LatencyMS float64 `json:"latency_ms"`
	Error     string  `json:"error"`
}

func (a *app) record() *App {
	r := &App{URL: a.URL, Status: a.Status, Headers: a.Headers, Body: a.Body, Truncated: a.Truncated, Error: a.Error}
	r.Latency = time.Duration(math.Round(a.LatencyMS*1000)) * time.Microsecond
	if a.Base64 != nil {
		r.Body = a.Base64
	}
	return r
}

func newParser() *parser {
	return &parser{
		// Half a character (\ud83d) is tolerated; parse itself refuses what is not UTF-8.
		options: json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		line:    line{Record: new(Record)},
	}
}

// parse fills p.line.Record, whose content is undefined after an error.
func (p *parser) parse(text []byte) error {
	l := &p.line
	l.reset()
	l.Version, l.Headers, l.Body, l.Base64 = 0, l.Record.Headers, l.Record.Body, nil
	l.App = nil
	err := json.Unmarshal(text, l, p.options)
	if err != nil && l.Version == 0 {
		l.Version = p.versionOf(text)
	}
	switch {
	case l.Version != version && l.Version != 0:
		return fmt.Errorf("the record has version %d; this relayctl reads version %d", l.Version, version)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errCut
	case err != nil:
		return inPlainWords(err)
	case l.Version == 0:
		return errNotRecord
	case !utf8.Valid(text):
		return errors.New("the line is not UTF-8")
	}
	l.ReceivedAt = l.ReceivedAt.UTC()
	l.Record.Headers, l.Record.Body = l.Headers, l.Body
	if l.Base64 != nil {
		l.Record.Body = l.Base64
	}
	if l.App != nil {
		l.Record.App = l.App.record()
	}
	return nil
}

// versionOf reads only the version: the other fields of another version may
// have other types. It is 0 where there is none.
func (p *parser) versionOf(text []byte) int {
	var l struct {
		Version int `json:"v"`
	}
	if json.Unmarshal(text, &l, p.options) != nil {
		return 0
	}
	return l.Version
}

// inPlainWords words an error of the JSON library without the names of Go types.
func inPlainWords(err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("broken JSON at column %d: %s", syntax.ByteOffset+1, event.SyntaxReason(err))
	}
	var meaning *json.SemanticError
	if errors.As(err, &meaning) && meaning.JSONPointer != "" {
		return fmt.Errorf("%s has a wrong type or form", meaning.JSONPointer[1:])
	}
	return errors.New("the line is not a JSON object")
}

// text is a JSON string that is decoded into memory that it has already.
type text []byte

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	switch {
	case err != nil || v.Kind() == 'n':
		return err
	case v.Kind() != '"':
		return errors.New("not a string")
	}
	*t, _ = jsontext.AppendUnquote((*t)[:0], v) // ReadValue has checked it
	return nil
}

// headers is a JSON object of strings that keeps its order.
type headers []Header

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (h *headers) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*h = (*h)[:0]
	begin, err := dec.ReadToken()
	switch {
	case err != nil || begin.Kind() == 'n':
		return err
	case begin.Kind() != '{':
		return errors.New("not an object")
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		field := Header{Name: name.String()} // a token is valid until the next read
		value, err := dec.ReadToken()
		switch {
		case err != nil:
			return err
		case value.Kind() != '"':
			return errors.New("not a string")
		}
		field.Value = value.String()
		*h = append(*h, field)
	}
	_, err = dec.ReadToken()
	return err
}
