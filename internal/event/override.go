package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"relayctl/internal/suggest"
)

// Override sets or removes one property of every envelope it is applied to.
// Safe for concurrent use.
type Override struct {
	path  []string       // "payload", "ccid"
	value jsontext.Value // nil removes the property
}

// ParseSet reads PATH=VALUE such as "payload.ccid=1002". VALUE is taken as JSON
// where it is JSON, and as a string otherwise. A path that is near a known
// property without being one is refused with that property's name, unless it
// begins with + ("+payload.cid=1"), which adds a property on purpose.
func ParseSet(arg string) (Override, error) {
	path, value, ok := strings.Cut(arg, "=")
	if !ok {
		return Override{}, fmt.Errorf("%q is not of the form PATH=VALUE, for example payload.ccid=1002", arg)
	}
	o, err := parsePath(path, "adds a new property")
	if err != nil {
		return Override{}, err
	}
	if v := jsontext.Value(strings.TrimSpace(value)); v.IsValid() {
		o.value = v
		return o, nil
	}
	if o.value, err = jsontext.AppendQuote(nil, value); err != nil {
		return Override{}, fmt.Errorf("the value of %s: %w", path, err)
	}
	return o, nil
}

// NewSet makes an override of a path, checked as by ParseSet, and a value as
// encoding/json would write it.
func NewSet(path string, value any) (Override, error) {
	o, err := parsePath(path, "adds a new property")
	if err != nil {
		return Override{}, err
	}
	if o.value, err = json.Marshal(value); err != nil {
		return Override{}, fmt.Errorf("the value of %s: %w", path, err)
	}
	return o, nil
}

// ParseUnset reads the path of a property to remove, with the same check of
// the path as ParseSet.
func ParseUnset(path string) (Override, error) { return parsePath(path, "removes it all the same") }

// parsePath reads a path; forced says what a + before it does.
func parsePath(path, forced string) (Override, error) {
	path, force := strings.CutPrefix(strings.TrimSpace(path), "+")
	parts := strings.Split(path, ".")
	if slices.Contains(parts, "") {
		return Override{}, fmt.Errorf("path %q has an empty part; paths look like payload.ccid", path)
	}
	if !force {
		if near := nearPath(parts); near != "" {
			return Override{}, fmt.Errorf("unknown path %q; did you mean %q? (+%s %s)", path, near, path, forced)
		}
	}
	return Override{path: parts}, nil
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

// Apply returns envelope with the overrides applied in their order; the rest
// keeps its bytes. Objects missing on the way are made. It fails where the
// envelope is no JSON object or a path leads through a value that is none.
func Apply(envelope []byte, overrides []Override) ([]byte, error) {
	for _, o := range overrides {
		out, err := o.apply(envelope, o.path)
		if err != nil {
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
