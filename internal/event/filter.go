package event

import (
	"fmt"
	"path"
	"strings"
)

// Filter selects events by name (R-FILTER): a list of patterns in which *
// stands for any characters. The zero value selects everything. Safe for
// concurrent use.
type Filter struct{ patterns []string }

// ParseFilter reads a comma-separated list of patterns such as
// "notification.*,message.delivered". It refuses a pattern that cannot be read
// and one that matches no known event but is near to one, which it names.
func ParseFilter(list ...string) (Filter, error) {
	var f Filter
	for _, item := range list {
		for p := range strings.SplitSeq(item, ",") {
			p = strings.TrimSpace(p)
			if p == "" {
				continue
			}
			if err := checkPattern(p); err != nil {
				return Filter{}, err
			}
			f.patterns = append(f.patterns, p)
		}
	}
	return f, nil
}

func checkPattern(p string) error {
	if _, err := path.Match(p, ""); err != nil {
		return fmt.Errorf("event pattern %q cannot be read: %w", p, err)
	}
	for _, n := range catalogue().names {
		if ok, _ := path.Match(p, n); ok {
			return nil
		}
	}
	if near := nearPattern(p); near != "" {
		return fmt.Errorf("event pattern %q matches no known event; did you mean %q?", p, near)
	}
	return nil
}

// nearPattern suggests an event, or a whole family where p asks for one.
func nearPattern(p string) string {
	if family, ok := strings.CutSuffix(p, ".*"); ok {
		if n := Suggest(family + ".delivered"); n != "" {
			return FamilyOf(n) + ".*"
		}
	}
	return Suggest(p)
}

// All says whether the filter selects everything.
func (f Filter) All() bool { return len(f.patterns) == 0 }

// Match says whether the filter selects events of that name.
func (f Filter) Match(name string) bool {
	if f.All() {
		return true
	}
	for _, p := range f.patterns {
		if p == name {
			return true
		}
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// String gives the patterns as ParseFilter reads them, "*" for everything.
func (f Filter) String() string {
	if f.All() {
		return "*"
	}
	return strings.Join(f.patterns, ",")
}
