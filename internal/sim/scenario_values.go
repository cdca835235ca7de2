package sim

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/strictyaml"
	"relayctl/internal/suggest"
)

// scenarioParser reads a document's values and keeps the first fault. A value
// that was not given is nil, and gives the default.
type scenarioParser struct {
	doc   *strictyaml.Document
	forms map[string]*regexp.Regexp // compiled when first needed
	err   error
}

func (p *scenarioParser) fail(path, format string, args ...any) {
	if p.err == nil {
		p.err = p.doc.Errorf(path, format, args...)
	}
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

func (p *scenarioParser) text(path string, v any) string {
	s, ok := v.(string)
	if !ok && v != nil {
		p.fail(path, "%s is not a text; put it in quotes", shown(v))
	}
	return s
}

// word reads one of a few words; what names them.
func (p *scenarioParser) word(path, what string, v any, words []string) string {
	if v == nil {
		return ""
	}
	s, _ := v.(string)
	for _, w := range words {
		if s == w {
			return s
		}
	}
	list := ""
	if len(words) < 8 {
		list = " (one of " + strings.Join(words, ", ") + ")"
	}
	p.fail(path, "unknown %s %s%s%s", what, shown(v), list, suggest.DidYouMean(s, words))
	return ""
}

// form reads a text of a form; like says what it looks like.
func (p *scenarioParser) form(path string, v any, form, like string) string {
	re := p.forms[form]
	if re == nil {
		re = regexp.MustCompile("^(?:" + form + ")$")
		p.forms[form] = re
	}
	s, ok := v.(string)
	if !ok || !re.MatchString(s) {
		p.fail(path, "%s is not %s", shown(v), like)
		return ""
	}
	return strings.ReplaceAll(s, " ", "")
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

func (p *scenarioParser) number(path string, v any, def, least, most int) int {
	if v == nil {
		return def
	}
	n, ok := whole(v)
	switch {
	case !ok:
		p.fail(path, "%s is not a whole number", shown(v))
		return def
	case n < int64(least) || n > int64(most):
		p.fail(path, "%d is not between %d and %d", n, least, most)
		return def
	}
	return int(n)
}

// duration reads a time; signed allows one before the start.
func (p *scenarioParser) duration(path string, v any, def time.Duration, signed bool) time.Duration {
	if v == nil {
		return def
	}
	if n, ok := whole(v); ok && n == 0 { // 0 needs no unit
		return 0
	}
	form, like := durationForm, "a duration such as 4s or 1m30s"
	if signed {
		form, like = "-?"+durationForm, "a duration such as 4s, -2s or 1m30s"
	}
	if n, ok := whole(v); ok {
		like += fmt.Sprintf("; did you mean %ds?", n)
	}
	// The form leaves nothing to fail.
	d, _ := time.ParseDuration(p.form(path, v, form, like))
	return d
}

func (p *scenarioParser) timeout(path string, v any) string {
	d := p.duration(path, v, 0, false)
	if d <= 0 {
		p.fail(path, "a timeout must be more than nothing")
	}
	return d.String()
}

func (p *scenarioParser) scale(path string, v any) string {
	f, ok := v.(float64)
	if n, whole := whole(v); whole {
		f, ok = float64(n), true
	}
	if !ok || !(f >= 0 && f <= maxTimeScale) {
		p.fail(path, "%s is not a number between 0 and %d", shown(v), maxTimeScale)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func (p *scenarioParser) flag(path string, v any) string {
	b, ok := v.(bool)
	if !ok {
		p.fail(path, "%s is neither true nor false", shown(v))
	}
	return strconv.FormatBool(b)
}
