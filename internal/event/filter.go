package event

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"relayctl/internal/suggest"
)

// Filter selects events by name (R-FILTER): a list of patterns in which *
// stands for any characters. The zero value selects everything. Safe for
// concurrent use.
type Filter struct{ patterns []string }

// ParseFilter reads a comma-separated list of patterns such as
// "notification.*,message.delivered". It refuses a pattern that cannot be read
// and one that is most likely a slip of the pen, for which it names the right
// one. Other patterns that match no known event are taken: names may be added at
// any time (R-TOLERANT). Unknown lists them.
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
	if matchesKnown(p) {
		return nil
	}
	if right := slipOf(p); right != "" {
		return fmt.Errorf("%s; did you mean %q?", unknownPattern(p), right)
	}
	return nil
}

func unknownPattern(p string) string {
	return fmt.Sprintf("event pattern %q matches no known event", p)
}

func matchesKnown(p string) bool {
	return slices.ContainsFunc(catalogue().names, func(name string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// slipOf is the pattern that a misspelt one was meant to be, "" where that is
// not likely. The names' two parts are looked at one by one, so that a new event
// of a known family is not taken for a slip of an old one, and so that a part may be a
// pattern.
func slipOf(p string) string {
	var families []string
	for _, name := range catalogue().names {
		families = append(families, FamilyOf(name))
	}
	family, subtype, dotted := strings.Cut(p, ".")
	if !dotted {
		family, subtype = strings.TrimRight(p, "*"), "*"
	}
	family = slipOfPart(family, families)
	var subtypes []string
	for _, name := range catalogue().names {
		if ok, _ := path.Match(family, FamilyOf(name)); ok {
			_, s := splitName(name)
			subtypes = append(subtypes, s)
		}
	}
	right := family + "." + slipOfPart(subtype, subtypes)
	if !matchesKnown(right) {
		return ""
	}
	return right
}

// slipOfPart is the nearest of the known words; a pattern stays what it is.
func slipOfPart(part string, known []string) string {
	if strings.Contains(part, "*") {
		return part
	}
	return suggest.Nearest(part, known)
}

// Unknown says for each of the filter's patterns that match no known event that
// it does not, and names the nearest one that there is.
func (f Filter) Unknown() []string {
	var out []string
	for _, p := range f.patterns {
		if !matchesKnown(p) {
			out = append(out, unknownPattern(p)+suggest.DidYouMean(p, catalogue().names))
		}
	}
	return out
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
		if ok, _ := path.Match(noSlash(p), noSlash(name)); ok {
			return true
		}
	}
	return false
}

// noSlash lets * stand for a slash too: names are not paths.
func noSlash(text string) string { return strings.ReplaceAll(text, "/", "\x00") }

// String gives the patterns as ParseFilter reads them, "*" for everything.
func (f Filter) String() string {
	if f.All() {
		return "*"
	}
	return strings.Join(f.patterns, ",")
}
