package script

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/filewatch"
	"relayctl/internal/input"
	"relayctl/internal/strictyaml"
)

// The document as people write it.
type rulesDoc struct {
	Rules []ruleDoc `yaml:"rules"`
}

// ruleDoc leaves the types to the reading below: YAML would make a text of any
// number.
type ruleDoc struct {
	Event   any `yaml:"event"`
	Respond any `yaml:"respond"` // a script's answers, a mapping for one, or a list of them
	Chance  any `yaml:"chance"`
	Window  any `yaml:"window"`
}

// maxRules bounds a file of rules, for each request may look at them all.
const maxRules = 1000

// ParseFile reads a file of rules strictly; file is its name in errors, which
// carry line, column and the nearest right word. Doubts are told in the same way:
// event patterns that match no known event, but may be meant (R-TOLERANT).
func ParseFile(file string, data []byte) (rules []Rule, doubts []error, err error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, nil, err
	}
	var raw rulesDoc
	if err := doc.Decode(&raw); err != nil {
		return nil, nil, err
	}
	switch {
	case raw.Rules == nil:
		return nil, nil, doc.Errorf("$", "the list of rules is missing")
	case len(raw.Rules) > maxRules:
		return nil, nil, doc.Errorf("$.rules", "a file has at most %d rules", maxRules)
	}
	rules = make([]Rule, len(raw.Rules))
	for i, r := range raw.Rules {
		path := fmt.Sprintf("$.rules[%d]", i)
		if rules[i], err = r.rule(doc, path); err != nil {
			return nil, nil, err
		}
		for _, what := range rules[i].Events.Unknown() {
			doubts = append(doubts, doc.Errorf(path+".event", "%s", what))
		}
	}
	return rules, doubts, nil
}

// rule reads the rule at path.
func (d *ruleDoc) rule(doc *strictyaml.Document, path string) (r Rule, err error) {
	at := func(key string, err error) error { return doc.Errorf(path+key, "%v", err) }
	r.Chance = 1
	switch d.Event.(type) {
	case nil, string:
	default:
		return r, at(".event", errors.New("an event pattern is expected here, such as notification.*"))
	}
	for _, p := range []struct {
		key   string
		value any
		read  func(text string) error
	}{
		{".event", d.Event, func(s string) (err error) { r.Events, err = event.ParseFilter(s); return err }},
		{".chance", d.Chance, func(s string) (err error) { r.Chance, err = parseChance(s); return err }},
		{".window", d.Window, func(s string) (err error) { r.Window, err = ParseWindow(s); return err }},
	} {
		text, err := plainText(p.value)
		if err == nil && text != "" {
			err = p.read(text)
		}
		if err != nil {
			return r, at(p.key, err)
		}
	}
	if d.Respond == nil {
		return r, at("", errors.New("a rule needs respond, such as 500,500,200"))
	}
	r.Answers, err = answersOf(doc, path+".respond", d.Respond)
	return r, err
}

// plainText gives a value that YAML may take for a number, "" for none.
func plainText(v any) (string, error) {
	switch v.(type) {
	case nil:
		return "", nil
	case string, uint64, int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	return "", errors.New("a single value is expected here")
}

// answersOf reads the answers at path: a script's, which YAML may take for a
// number, a mapping, or a list of these.
func answersOf(doc *strictyaml.Document, path string, v any) (answers []Answer, err error) {
	list, ok := v.([]any)
	if !ok {
		return answersAt(doc, path, v)
	}
	if len(list) == 0 {
		return nil, doc.Errorf(path, "the list of answers is empty")
	}
	for i, v := range list {
		more, err := answersAt(doc, fmt.Sprintf("%s[%d]", path, i), v)
		if err != nil {
			return nil, err
		}
		answers = append(answers, more...)
	}
	return answers, nil
}

// answersAt reads what stands at path for one answer or several.
func answersAt(doc *strictyaml.Document, path string, v any) ([]Answer, error) {
	if m, ok := v.(map[string]any); ok {
		a, err := mappedAnswer(doc, path, m)
		return []Answer{a}, err
	}
	text, err := plainText(v)
	switch {
	case err != nil || text == "":
		err = errors.New("an answer is expected here, such as 500, timeout, 200~3s or {status: 503}")
	case strings.Contains(text, "@"):
		err = fmt.Errorf("%q: a chance or a window is a key of its own beside respond", text)
	default:
		var answers []Answer
		if answers, err = parseAnswers(text); err == nil {
			return answers, nil
		}
	}
	return nil, doc.Errorf(path, "%v", err)
}

// Schema is the JSON Schema (2020-12) of a file of rules, ready to be
// marshalled.
func Schema() map[string]any {
	text := []any{"string", "null"}
	form := func(form, what string) map[string]any {
		return map[string]any{"type": text, "pattern": "^(?:" + form + "|)$", "description": what}
	}
	answer := map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "pattern": "^(?:" + answersForm + ")$", "description": "statuses, timeout, close, reset, garbage or cut; 500x3 three times, 200~3s after a delay"},
		map[string]any{"type": "integer", "minimum": 200, "maximum": 599},
		mappedSchema(),
	}}
	rule := map[string]any{
		"type": "object", "required": []any{"respond"}, "additionalProperties": false,
		"properties": map[string]any{
			"event": map[string]any{"type": text, "description": "the events that the rule is for, such as notification.*; all unless given"},
			"respond": map[string]any{
				"description": "what attempts 1, 2, … of an event get; the last answer stays",
				"anyOf":       []any{answer, map[string]any{"type": "array", "minItems": 1, "items": answer}},
			},
			"chance": form(chanceForm, "the share of attempts that the rule takes, such as 10%"),
			"window": form(windowForm, "when the rule is in force, after the file was loaded, such as 1m..3m"),
		},
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "relayctl rules",
		"type": "object", "required": []any{"rules"}, "additionalProperties": false,
		"properties": map[string]any{
			"rules": map[string]any{"type": "array", "maxItems": maxRules, "items": rule, "description": "the first rule that matches answers"},
		},
	}
}

// File keeps rules the same as those of a file. Its methods are called by one
// goroutine at a time.
type File struct {
	path   string
	script *Rules
	watch  *filewatch.Watcher
	notice func(format string, args ...any)
	doubts []error // of the rules in force, until they are told
}

// Open loads a file's rules into the script and begins to watch it. The file may be a
// pipe, which is read once; ctx ends the wait for its writer. The error is that of reading
// the file, or names the mistake in it, with line and column; nothing is loaded then.
// Close the File.
func Open(ctx context.Context, path string, script *Rules, notice func(string, ...any)) (*File, error) {
	f := &File{path: path, script: script, notice: notice}
	var err error
	// Watched before it is read, so that no change is missed in between.
	if f.watch, err = filewatch.New(path); err != nil {
		return nil, err
	}
	if _, err = f.load(ctx); err != nil {
		return nil, errors.Join(err, f.watch.Close())
	}
	return f, nil
}

// load replaces the script's rules if the file is sound as a whole.
func (f *File) load(ctx context.Context) (n int, err error) {
	text, err := input.ReadFile(ctx, f.path, strictyaml.MaxSize)
	if err != nil {
		return 0, fmt.Errorf("rules: %w", err)
	}
	rules, doubts, err := ParseFile(f.path, text)
	if err != nil {
		return 0, err
	}
	f.doubts = doubts
	f.script.load(rules, string(text), time.Now())
	return len(rules), nil
}

// tellDoubts tells the doubts once.
func (f *File) tellDoubts() {
	for _, doubt := range f.doubts {
		f.notice("%v (the rule is in force all the same)", doubt)
	}
	f.doubts = nil
}

// Run follows the file until ctx is done.
func (f *File) Run(ctx context.Context) {
	f.tellDoubts()
	f.watch.Run(ctx, func(string) {
		defer f.tellDoubts()
		n, err := f.load(ctx)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.notice("%s is gone: its last rules stay in force", f.path)
		case err != nil:
			f.notice("the last good rules stay in force: %v", err)
		case f.script.ByChance():
			f.notice("%s: %s in force (seed %d)", f.path, numberOf(n, "rule"), f.script.Seed)
		default:
			f.notice("%s: %s in force", f.path, numberOf(n, "rule"))
		}
	})
}

// numberOf gives "1 rule", "2 rules".
func numberOf(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Close ends the watching; nil has nothing to end.
func (f *File) Close() {
	if f != nil {
		_ = f.watch.Close() // nothing is watched any more either way
	}
}
