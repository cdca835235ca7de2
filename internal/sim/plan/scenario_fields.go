package plan

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/strictyaml"
	"relayctl/internal/suggest"
)

// field is a row of a table that says what a mapping may hold.
type field struct {
	key      string
	about    string // for the schema's reader
	kind     kind
	to       any // a pointer to where the value goes, or to the presets that it joins
	required bool
}

// kind says what values a field takes, to the parser and to the schema.
type kind struct {
	schema map[string]any         // of a value that is given
	read   func(any) (any, error) // gives the value as the program keeps it
}

// store puts a value that was read where it belongs.
func (f *field) store(v any) {
	switch to := f.to.(type) {
	case *string:
		*to = v.(string)
	case *int:
		*to = v.(int)
	case *[]int:
		*to = v.([]int)
	case *time.Duration:
		*to = v.(time.Duration)
	case *[]any:
		*to = v.([]any)
	case *map[string]any:
		*to = v.(map[string]any)
	case *any:
		*to = v
	case *[]Preset:
		*to = append(*to, Preset{strings.ReplaceAll(f.key, "_", "-"), fmt.Sprint(v)})
	}
}

// scenarioReader reads a document by its tables and keeps the first fault.
type scenarioReader struct {
	doc *strictyaml.Document
	err error
}

func (p *scenarioReader) fail(path, format string, args ...any) {
	if p.err == nil {
		p.err = p.doc.Errorf(path, format, args...)
	}
}

func (p *scenarioReader) check(path string, err error) {
	if err != nil {
		p.fail(path, "%v", err)
	}
}

// mapping reads a mapping's fields and returns the keys that were given. A null
// is the same as nothing.
func (p *scenarioReader) mapping(path string, v any, fields []field) (given map[string]bool) {
	m, err := mapping(fields).read(v)
	if v == nil || err != nil {
		p.check(path, err)
		return nil
	}
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.key)
	}
	if err := p.doc.CheckKeys(path, keys); err != nil && p.err == nil {
		p.err = err
	}
	given = map[string]bool{}
	for _, f := range fields {
		v := m.(map[string]any)[f.key]
		if v == nil {
			continue
		}
		given[f.key] = true
		got, err := f.kind.read(v)
		if err != nil {
			p.fail(path+"."+f.key, "%v", err)
			continue
		}
		f.store(got)
	}
	return given
}

// ScenarioSchema is the JSON Schema (2020-12) of a scenario file, ready to be
// marshalled. It cannot say which paths set may name, nor that channel and
// message stay within what the scenario declares; the parser can.
func ScenarioSchema() map[string]any {
	s := mapping(new(Scenario).fields(new(scenarioParts))).schema
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", "relayctl scenario"
	return s
}

func stepSchema() map[string]any {
	step := mapping(new(Step).fields(nil, nil)).schema
	step["description"] = "one event"
	// Only a consent's change has a consent.
	step["if"] = map[string]any{"properties": map[string]any{"consent": map[string]any{"type": "string"}}, "required": []any{"consent"}}
	step["then"] = map[string]any{"properties": map[string]any{"event": map[string]any{"const": "channel_consent.update"}}}
	return step
}

// schema is what JSON Schema says of the field. Where a value is not required,
// null stands for none.
func (f *field) schema() map[string]any {
	if f.required {
		s := maps.Clone(f.kind.schema)
		s["description"] = f.about
		return s
	}
	return map[string]any{"description": f.about, "anyOf": []any{f.kind.schema, map[string]any{"type": "null"}}}
}

// mapping takes a mapping with those fields, or with any when there are none.
func mapping(fields []field) kind {
	schema := map[string]any{"type": "object"}
	if fields != nil {
		props, required := map[string]any{}, []any{}
		for _, f := range fields {
			if props[f.key] = f.schema(); f.required {
				required = append(required, f.key)
			}
		}
		schema["properties"], schema["required"], schema["additionalProperties"] = props, required, false
	}
	return kind{schema, func(v any) (any, error) {
		if m, ok := v.(map[string]any); ok || v == nil {
			return m, nil
		}
		return nil, errors.New("a mapping is expected here: {key: value}")
	}}
}

// list takes between least and most items of that schema, which are read later;
// what names them.
func list(what string, least, most int, items map[string]any) kind {
	schema := map[string]any{"type": "array", "minItems": least, "maxItems": most, "items": items}
	return kind{schema, func(v any) (any, error) {
		items, ok := v.([]any)
		switch {
		case !ok:
			return nil, errors.New("a list is expected here: [a, b]")
		case len(items) > most:
			return nil, fmt.Errorf("a scenario has at most %d %s here", most, what)
		}
		return items, nil
	}}
}

func text() kind {
	return kind{map[string]any{"type": "string"}, func(v any) (any, error) {
		if s, ok := v.(string); ok {
			return s, nil
		}
		return "", fmt.Errorf("%s is not a text; put it in quotes", shown(v))
	}}
}

// word takes one of a few words; what names them.
func word(what string, words ...string) kind {
	return kind{map[string]any{"enum": words}, func(v any) (any, error) {
		s, _ := v.(string)
		if slices.Contains(words, s) {
			return s, nil
		}
		list := ""
		if len(words) < 8 {
			list = " (one of " + strings.Join(words, ", ") + ")"
		}
		return nil, fmt.Errorf("unknown %s %s%s%s", what, shown(v), list, suggest.DidYouMean(s, words))
	}}
}

// form takes a text that matches a regular expression, and gives it without
// spaces; example says what it looks like.
func form(pattern, example string) kind {
	pattern = "^(?:" + pattern + ")$"
	re := regexp.MustCompile(pattern)
	return kind{map[string]any{"type": "string", "pattern": pattern}, func(v any) (any, error) {
		if s, ok := v.(string); ok && re.MatchString(s) {
			return strings.ReplaceAll(s, " ", ""), nil
		}
		return nil, fmt.Errorf("%s is not %s", shown(v), example)
	}}
}

// times takes texts of a form that time.ParseDuration reads.
func times(pattern, example string) kind {
	k := form(pattern, example)
	return kind{k.schema, func(v any) (any, error) {
		s, err := k.read(v)
		if err != nil {
			return nil, err
		}
		return time.ParseDuration(s.(string))
	}}
}

func ttl() kind { return times(ttlForm, "a whole number of seconds, minutes or hours, such as 2s") }

// duration takes a time; signed allows one before the start. 0 needs no unit.
func duration(signed bool) kind {
	pattern, example := strictyaml.DurationForm, "a duration such as 4s or 1m30s"
	if signed {
		pattern, example = "-?"+pattern, "a duration such as 4s, -2s or 1m30s"
	}
	k := times(pattern, example)
	return kind{map[string]any{"anyOf": []any{k.schema, map[string]any{"const": 0}}}, func(v any) (any, error) {
		n, ok := whole(v)
		if ok && n == 0 {
			return time.Duration(0), nil
		}
		d, err := k.read(v)
		if ok {
			err = fmt.Errorf("%w; did you mean %ds?", err, n)
		}
		return d, err
	}}
}

func timeout() kind {
	k := times(strictyaml.DurationForm, "a duration such as 4s or 1m30s")
	schema := maps.Clone(k.schema)
	schema["not"] = map[string]any{"pattern": `^(?:[0.]+(?:ms|s|m|h))+$`}
	return kind{schema, func(v any) (any, error) {
		d, err := k.read(v)
		if err == nil && d.(time.Duration) <= 0 {
			err = errors.New("a timeout must be positive")
		}
		return d, err
	}}
}

func number(least, most int) kind {
	return kind{map[string]any{"type": "integer", "minimum": least, "maximum": most}, func(v any) (any, error) {
		n, ok := whole(v)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s is not a whole number", shown(v))
		case n < int64(least) || n > int64(most):
			return nil, fmt.Errorf("%d is not between %d and %d", n, least, most)
		}
		return int(n), nil
	}}
}

// numbers takes a number from 1, or a list of them; what names one.
func numbers(what string, most int) kind {
	one := number(1, most)
	schema := map[string]any{"anyOf": []any{one.schema, map[string]any{"type": "array", "minItems": 1, "maxItems": maxSteps, "items": one.schema}}}
	return kind{schema, func(v any) (any, error) {
		items, isList := v.([]any)
		if !isList {
			items = []any{v}
		}
		if len(items) == 0 || len(items) > maxSteps {
			return nil, fmt.Errorf("a list of between 1 and %d numbers of a %s is expected here, such as [2, 3]", maxSteps, what)
		}
		var out []int
		for _, item := range items {
			n, err := one.read(item)
			if err != nil {
				return nil, fmt.Errorf("%w; the number of a %s is expected, such as 2 or [2, 3]", err, what)
			}
			out = append(out, n.(int))
		}
		return out, nil
	}}
}

func scale() kind {
	return kind{map[string]any{"type": "number", "minimum": 0, "maximum": maxTimeScale}, func(v any) (any, error) {
		f, ok := v.(float64)
		if n, whole := whole(v); whole {
			f, ok = float64(n), true
		}
		if !ok || !(f >= 0 && f <= maxTimeScale) {
			return nil, fmt.Errorf("%s is not a number between 0 and %d", shown(v), maxTimeScale)
		}
		return f, nil
	}}
}

func truth() kind {
	return kind{map[string]any{"type": "boolean"}, func(v any) (any, error) {
		if _, ok := v.(bool); !ok {
			return nil, fmt.Errorf("%s is neither true nor false", shown(v))
		}
		return v, nil
	}}
}

// shown is a value as an error quotes it.
func shown(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	}
	return fmt.Sprint(v)
}

// whole gives a whole number, however it is written.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case uint64:
		return int64(min(n, math.MaxInt64)), true
	case int64:
		return n, true
	case float64:
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	}
	return 0, false
}
