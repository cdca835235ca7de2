package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"relayctl/fixtures"
	"relayctl/internal/suggest"
)

// Override sets or removes one property of the envelopes it is applied to.
// Safe for concurrent use.
type Override struct {
	path   []string       // "payload", "ccid"
	value  jsontext.Value // nil removes the property
	events Filter         // those it is meant for
	forced bool           // the path is meant as it is written
}

// ParseSet reads PATH=VALUE such as "payload.ccid=1002". The value takes the
// property's type: of a known property, all of which are texts, it is the text as it
// is written, but for null and for a text in quotation marks. Elsewhere it is taken as
// JSON where it is JSON, and as a string otherwise. PATH:=VALUE is JSON, whatever the
// property. A pattern before the path, as in "notification.*:payload.ccid=1002", names
// the events that it is for.
//
// A path that is near a known property without being one is refused with that
// property's name, unless it begins with + ("+payload.cid=1"), which adds a
// property on purpose.
func ParseSet(arg string) (Override, error) {
	path, value, ok := strings.Cut(arg, "=")
	if !ok {
		return Override{}, fmt.Errorf("%q is not of the form PATH=VALUE, for example payload.ccid=1002", arg)
	}
	path, raw := strings.CutSuffix(path, ":")
	o, err := parseScoped(path, "adds a new property")
	if err != nil {
		return Override{}, err
	}
	v := jsontext.Value(strings.TrimSpace(value))
	text := TakesText(o.path...) && v.Kind() != '"' && v.Kind() != 'n'
	switch {
	case v.IsValid() && (raw || !text):
		o.value = v
		return o, nil
	case raw:
		return Override{}, fmt.Errorf("the value of %s: %q is not JSON, which := takes", path, value)
	}
	if o.value, err = jsontext.AppendQuote(nil, value); err != nil {
		return Override{}, fmt.Errorf("the value of %s: %w", path, err)
	}
	return o, nil
}

// NewSet makes an override of a path, checked as by ParseSet, and a value as
// encoding/json writes it, but with <, > and & as they are.
func NewSet(path string, value any) (Override, error) {
	o, err := parsePath(path, "adds a new property")
	if err != nil {
		return Override{}, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a sender of events has no web page in mind
	if err := e.Encode(value); err != nil {
		return Override{}, fmt.Errorf("the value of %s: %w", path, err)
	}
	o.value = bytes.TrimSpace(b.Bytes())
	return o, nil
}

// TakesText says whether a path is that of a known property, all of which are
// texts: what looks like a number is a text there.
func TakesText(path ...string) bool {
	switch len(path) {
	case 1:
		return path[0] != "payload" && slices.Contains(envelopeNames(), path[0])
	case 2:
		return path[0] == "payload" && slices.Contains(catalogue().propNames, path[1])
	}
	return false
}

// ParseUnset reads the path of a property to remove, with a pattern and the same
// check of the path as ParseSet.
func ParseUnset(path string) (Override, error) { return parseScoped(path, "removes it all the same") }

// parseScoped reads a path with or without a pattern of events before it.
func parseScoped(arg, forced string) (Override, error) {
	pattern, path, scoped := strings.Cut(arg, ":")
	if !scoped {
		return parsePath(arg, forced)
	}
	events, err := ParseFilter(pattern)
	if err == nil && events.All() {
		err = fmt.Errorf("%q begins with a colon; a pattern of events such as notification.* stands before it", arg)
	}
	if err != nil {
		return Override{}, err
	}
	o, err := parsePath(path, forced)
	o.events = events
	return o, err
}

// parsePath reads a path; forced says what a + before it does.
func parsePath(path, forced string) (Override, error) {
	path, force := strings.CutPrefix(strings.TrimSpace(path), "+")
	parts := strings.Split(path, ".")
	if _, isName := Lookup(path); !force && (isName || strings.Contains(parts[0], "*") || len(parts) == 2 && parts[1] == "*" && parts[0] != "payload") {
		return Override{}, fmt.Errorf("%q names events, but no property in them; a path follows it, as in %s:payload.ccid", path, path)
	}
	if slices.Contains(parts, "") {
		return Override{}, fmt.Errorf("path %q has an empty part; paths look like payload.ccid", path)
	}
	if !force {
		if near := nearPath(parts); near != "" {
			return Override{}, fmt.Errorf("unknown path %q; did you mean %q? (+%s %s)", path, near, path, forced)
		}
	}
	return Override{path: parts, forced: force}, nil
}

// nearPath returns the known path that parts most likely means, "" where parts
// is a known path or near to none.
func nearPath(parts []string) string {
	props := catalogue().propNames
	if parts[0] != "payload" {
		if slices.Contains(envelopeNames(), parts[0]) {
			return ""
		}
		if slices.Contains(props, parts[0]) {
			return "payload." + strings.Join(parts, ".")
		}
		if n := suggest.Nearest(parts[0], envelopeNames()); n != "" {
			return strings.Join(append([]string{n}, parts[1:]...), ".")
		}
		if n := suggest.Nearest(parts[0], props); n != "" {
			return "payload." + n
		}
		return ""
	}
	if len(parts) < 2 || slices.Contains(props, parts[1]) {
		return ""
	}
	if n := suggest.Nearest(parts[1], props); n != "" {
		return "payload." + n
	}
	return ""
}

// Path gives the path as it was written.
func (o Override) Path() string { return strings.Join(o.path, ".") }

// Removes says whether the override removes its property.
func (o Override) Removes() bool { return o.value == nil }

// Setting is what gives such an override: "set", or "unset" where it removes the
// property.
func (o Override) Setting() string {
	if o.value == nil {
		return "unset"
	}
	return "set"
}

// Text gives the override as it is read: "payload.ccid=1002", or "without payload.ccid" where
// it removes the property. Values that are not texts are JSON.
func (o Override) Text() string {
	if o.value == nil {
		return "without " + o.Path()
	}
	if o.value.Kind() == '"' {
		if text, err := jsontext.AppendUnquote(nil, o.value); err == nil {
			return o.Path() + "=" + string(text)
		}
	}
	return o.Path() + ":=" + string(o.value)
}

// Events says which events the override is for.
func (o Override) Events() Filter { return o.events }

// Doubt says that the override adds a property to events of that name which their
// family, or the envelope, does not have, "" where it does not, or is meant to.
func (o Override) Doubt(name string) string {
	e, known := Lookup(name)
	switch {
	case o.forced || o.value == nil:
		return ""
	case !slices.Contains(envelopeNames(), o.path[0]):
		return fmt.Sprintf("the envelope has no property %s; it is added all the same, beside the payload (payload.%s sets it there, +%s says that it is meant)", o.path[0], o.Path(), o.Path())
	case !known || len(o.path) < 2 || o.path[0] != "payload":
		return ""
	}
	if slices.ContainsFunc(PropertiesOf(e.Family), func(p fixtures.Property) bool { return p.Name == o.path[1] }) {
		return ""
	}
	return fmt.Sprintf("%s events have no property %s; it is added all the same (+%s says that it is meant)", e.Family, o.path[1], o.Path())
}

// Apply returns envelope with the overrides applied in their order; the rest
// keeps its bytes. Objects missing on the way are made. It fails where the
// envelope is not a JSON object or a path leads through a value that is not an object.
func Apply(envelope []byte, overrides []Override) ([]byte, error) {
	for _, o := range overrides {
		out, err := o.apply(envelope, o.path)
		if err != nil {
			var syntactic *jsontext.SyntacticError
			if errors.As(err, &syntactic) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				err = errors.New("broken JSON: " + SyntaxReason(err))
			}
			return nil, fmt.Errorf("cannot set %s: %w", o.Path(), err)
		}
		envelope = out
	}
	return envelope, nil
}

// apply rewrites the object obj so that path holds the value.
func (o Override) apply(obj []byte, path []string) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(obj))
	if tok, err := dec.ReadToken(); err != nil {
		return nil, err
	} else if tok.Kind() != '{' {
		return nil, fmt.Errorf("%s is in the way, an object is needed", kindName(tok.Kind()))
	}
	memberStart := int(dec.InputOffset())
	count := 0
	for dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := tok.String()
		val, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		end := int(dec.InputOffset())
		count++
		if name != path[0] {
			memberStart = end
			continue
		}
		if o.value == nil && len(path) == 1 {
			return cutMember(obj, memberStart, end, count == 1), nil
		}
		return o.replace(obj, end-len(val), end, path)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	if o.value == nil {
		return obj, nil
	}
	return o.insert(obj, int(dec.InputOffset())-1, count == 0, path)
}

// replace puts the new value where obj[start:end] stands.
func (o Override) replace(obj []byte, start, end int, path []string) ([]byte, error) {
	value := []byte(o.value)
	if len(path) > 1 {
		var err error
		if value, err = o.apply(obj[start:end], path[1:]); err != nil {
			return nil, err
		}
	}
	return slices.Concat(obj[:start], value, obj[end:]), nil
}

// insert adds the value as a last member before the brace at end.
func (o Override) insert(obj []byte, end int, first bool, path []string) ([]byte, error) {
	var member []byte
	if !first {
		member = append(member, ',')
	}
	for i, p := range path {
		if i > 0 {
			member = append(member, '{')
		}
		var err error
		if member, err = jsontext.AppendQuote(member, p); err != nil {
			return nil, err
		}
		member = append(member, ':')
	}
	member = append(member, o.value...)
	member = append(member, strings.Repeat("}", len(path)-1)...)
	head := bytes.TrimRight(obj[:end], " \t\r\n")
	return slices.Concat(head, member, obj[len(head):]), nil
}

// cutMember removes obj[start:end], which reaches from the end of the member
// before (or the brace) to the end of the member, with the comma that goes.
func cutMember(obj []byte, start, end int, first bool) []byte {
	if first {
		rest := bytes.TrimLeft(obj[end:], " \t\r\n")
		rest = bytes.TrimPrefix(rest, []byte(","))
		return slices.Concat(obj[:start], rest)
	}
	return slices.Concat(obj[:start], obj[end:])
}
