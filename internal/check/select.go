package check

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"relayctl/internal/suggest"
)

// Select returns the checks that one of the only patterns names (all of them
// when there is none) and none of the skip patterns does, in their order. A
// pattern is an id, an alias, a group, a tag, or a glob of ids ("auth.*"). One
// that matches nothing is an error that suggests the nearest name.
func Select(all []Check, only, skip []string) ([]Check, error) {
	wanted, err := matching(all, only)
	if err != nil {
		return nil, err
	}
	unwanted, err := matching(all, skip)
	if err != nil {
		return nil, err
	}
	var out []Check
	for i, c := range all {
		if (len(only) == 0 || wanted[i]) && !unwanted[i] {
			out = append(out, c)
		}
	}
	return out, nil
}

// matching marks the checks that any of the patterns names.
func matching(all []Check, patterns []string) ([]bool, error) {
	hit := make([]bool, len(all))
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("pattern %q cannot be read: %w", p, err)
		}
		found := false
		for i := range all {
			if all[i].named(p) {
				hit[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("no check, group or tag matches %q%s", p, suggest.DidYouMean(p, Names(all)))
		}
	}
	return hit, nil
}

// named says whether a pattern names the check.
func (c *Check) named(p string) bool {
	if p == c.ID || p == c.Group() || slices.Contains(c.Tags, p) || slices.Contains(c.Aliases, p) {
		return true
	}
	if !strings.ContainsAny(p, "*?[") {
		return false
	}
	for _, id := range append([]string{c.ID}, c.Aliases...) {
		if ok, _ := path.Match(p, id); ok {
			return true
		}
	}
	return false
}

// Find returns the check of that id or alias; the error suggests the nearest.
func Find(all []Check, id string) (*Check, error) {
	for i := range all {
		if all[i].ID == id || slices.Contains(all[i].Aliases, id) {
			return &all[i], nil
		}
	}
	var ids []string
	for _, c := range all {
		ids = append(append(ids, c.ID), c.Aliases...)
	}
	return nil, fmt.Errorf("unknown check %q%s", id, suggest.DidYouMean(id, ids))
}

// Names lists everything that a pattern can name: ids, aliases, groups, tags.
func Names(all []Check) []string {
	var names []string
	add := func(n string) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, c := range all {
		add(c.ID)
	}
	for _, c := range all {
		for _, n := range append(append([]string{c.Group()}, c.Tags...), c.Aliases...) {
			add(n)
		}
	}
	return names
}
