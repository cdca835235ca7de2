package script

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"relayctl/internal/strictyaml"
	"relayctl/internal/suggest"
)

// Answer is what an attempt gets.
type Answer struct {
	Status  int           // 0 where a fault leaves none
	Delay   time.Duration // before it
	Fault   Fault
	Headers []Header // as given, sorted by name
	Body    string   // as given, "" for the receiver's own
}

// Header is a header of an answer.
type Header struct{ Name, Value string }

// Fault is how an attempt goes without a whole answer. To add one, give it a constant, its
// word in faults and in answerForm, and what it does in scripted and abort of package recv;
// one that has a status gets it in parseWord.
type Fault string

// The faults.
const (
	NoFault Fault = ""
	Timeout Fault = "timeout" // no answer: the connection stays open
	Close   Fault = "close"   // no answer: the connection is closed
	Reset   Fault = "reset"   // no answer: the connection is reset
	Garbage Fault = "garbage" // bytes that are not HTTP
	Cut     Fault = "cut"     // the head of an answer 200, and half of its body
)

func faults() []string {
	return []string{string(Timeout), string(Close), string(Reset), string(Garbage), string(Cut)}
}

// Ordinary says whether the attempt is handled as without a script, apart from the
// delay.
func (a *Answer) Ordinary() bool {
	return a.Status == 200 && a.Fault == NoFault && len(a.Headers) == 0 && a.Body == ""
}

// parseWord reads a status or a fault.
func (a *Answer) parseWord(word string) (err error) {
	if slices.Contains(faults(), word) {
		if a.Fault = Fault(word); a.Fault == Cut {
			a.Status = 200
		}
		return nil
	}
	if a.Status, err = parseStatus(word); err != nil {
		last := len(faults()) - 1
		return fmt.Errorf("%w, %s or %s%s", err, strings.Join(faults()[:last], ", "), faults()[last], suggest.DidYouMean(word, faults()))
	}
	return nil
}

func parseStatus(word string) (int, error) {
	status, err := strconv.Atoi(word)
	if err != nil || len(word) != 3 || status < 200 || status > 599 {
		return 0, fmt.Errorf("%q is not a status between 200 and 599", word)
	}
	return status, nil
}

func parseDelay(text string) (time.Duration, error) {
	d, err := parseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a delay such as 3s", text)
	}
	return d, nil
}

// answerKeys are those of an answer that is a mapping.
func answerKeys() []string { return []string{"status", "headers", "body", "delay"} }

// framing lists the headers that say where a body ends. Only the receiver sets them.
func framing() []string { return []string{"Content-Length", "Transfer-Encoding", "Trailer"} }

// mappedAnswer reads the answer that the mapping m at path stands for.
func mappedAnswer(doc *strictyaml.Document, path string, m map[string]any) (a Answer, err error) {
	at := func(key string, err error) error { return doc.Errorf(path+key, "%v", err) }
	if err := doc.CheckKeys(path, answerKeys()); err != nil {
		return a, err
	}
	if len(m) == 0 {
		return a, at("", errors.New("the answer is empty: it has status, headers, body, delay"))
	}
	a.Status = 200
	for _, p := range []struct {
		key  string
		read func(text string) error
	}{
		{"status", func(s string) (err error) { a.Status, err = parseStatus(s); return err }},
		{"delay", func(s string) (err error) { a.Delay, err = parseDelay(s); return err }},
		{"body", func(s string) error { a.Body = s; return nil }},
	} {
		text, err := textAt(doc, path+"."+p.key, m[p.key])
		if err == nil && text != "" {
			err = p.read(text)
		}
		if err != nil {
			return a, at("."+p.key, err)
		}
	}
	if a.Body != "" && (a.Status == 204 || a.Status == 304) {
		return a, at(".body", fmt.Errorf("an answer %d has no body", a.Status))
	}
	a.Headers, err = headersOf(doc, path+".headers", m["headers"])
	return a, err
}

// textAt is plainText as it is written: YAML would make 1.5 of 1.50.
func textAt(doc *strictyaml.Document, path string, v any) (string, error) {
	text, err := plainText(v)
	if err != nil || text == "" {
		return "", err
	}
	if _, ok := v.(string); ok {
		return text, nil
	}
	return cmp.Or(doc.Source(path), text), nil
}

// headersOf reads the mapping of headers at path.
func headersOf(doc *strictyaml.Document, path string, v any) ([]Header, error) {
	if v == nil {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, doc.Errorf(path, "a mapping is expected here: {Retry-After: 120}")
	}
	var headers []Header
	for _, name := range slices.Sorted(maps.Keys(m)) {
		path := path + ".'" + name + "'"
		value, err := textAt(doc, path, m[name])
		switch {
		case err != nil:
		case !httpguts.ValidHeaderFieldName(name):
			err = fmt.Errorf("%q is not the name of a header", name)
		case !httpguts.ValidHeaderFieldValue(value):
			err = fmt.Errorf("header %s: its value has a control character", name)
		case slices.ContainsFunc(framing(), func(f string) bool { return strings.EqualFold(f, name) }):
			err = fmt.Errorf("header %s: it follows from the body", name)
		}
		if err != nil {
			return nil, doc.Errorf(path, "%v", err)
		}
		headers = append(headers, Header{name, value})
	}
	return headers, nil
}

// mappedSchema is the JSON Schema of an answer that is a mapping.
func mappedSchema() map[string]any {
	single := []any{"string", "number", "boolean", "null"}
	bodiless := []any{204, 304, "204", "304"}
	return map[string]any{
		"type": "object", "minProperties": 1, "additionalProperties": false,
		"properties": map[string]any{
			"status": map[string]any{"description": "200 unless given", "anyOf": []any{
				map[string]any{"type": "integer", "minimum": 200, "maximum": 599},
				map[string]any{"type": "string", "pattern": "^(?:[2-5][0-9][0-9]|)$"},
				map[string]any{"type": "null"},
			}},
			"headers": map[string]any{
				"type": []any{"object", "null"}, "description": "such as Retry-After: 120",
				"propertyNames": map[string]any{
					"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
					"not":     map[string]any{"pattern": "^(?i:" + strings.Join(framing(), "|") + ")$"},
				},
				"additionalProperties": map[string]any{"type": single, "pattern": `^[^\x00-\x08\x0a-\x1f\x7f]*$`},
			},
			"body":  map[string]any{"type": single, "description": "the receiver's own unless given"},
			"delay": map[string]any{"type": []any{"string", "null"}, "pattern": "^(?:" + strictyaml.DurationForm + "|)$", "description": "before the answer, such as 3s"},
		},
		"not": map[string]any{"required": []any{"status", "body"}, "properties": map[string]any{
			"status": map[string]any{"enum": bodiless}, "body": map[string]any{"not": map[string]any{"enum": []any{nil, ""}}},
		}},
	}
}
