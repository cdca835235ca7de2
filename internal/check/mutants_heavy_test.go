//go:build heavy

package check_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"relayctl/internal/check/testbed"
)

// mutant is a good receiver of a make with one or two parts of its rules off.
type mutant struct {
	make testbed.Make
	off  []testbed.Switch
}

func (m mutant) name() string {
	names := []string{}
	for _, s := range m.off {
		names = append(names, s.Name)
	}
	return m.make.Name + " without " + strings.Join(names, " and ")
}

// thorough is how many makes have all of their mutants tried that lack one part; of
// the others, which differ from these in little, a third is.
const thorough = 6

// mutants are the singles of the makes, and every pair of parts of different rules,
// each of a make in turn.
func mutants() []mutant {
	var all []mutant
	makes, switches := testbed.Makes(), testbed.Switches()
	for n, m := range makes {
		for i, s := range switches {
			if s.Means(m) && (n < thorough || (n+i)%3 == 0) {
				all = append(all, mutant{m, []testbed.Switch{s}})
			}
		}
	}
	turn := 0
	for i, a := range switches {
		for _, b := range switches[i+1:] {
			if a.Rule() == b.Rule() {
				continue
			}
			for turn++; !a.Means(makes[turn%len(makes)]) || !b.Means(makes[turn%len(makes)]); turn++ {
			}
			all = append(all, mutant{makes[turn%len(makes)], []testbed.Switch{a, b}})
		}
	}
	return all
}

// survivor is a kind of mutant of which a part cannot be seen to be off.
type survivor struct {
	make string // "" is any
	off  []string
	why  string
}

// survivors lists them. A test fails for one that is found after all.
func survivors() []survivor {
	return []survivor{
		{"queue", []string{"concurrency"}, "its workers also lose events that come one after the other: no history ends twice in one state, and event.effect is blocked and says so"},
		{"", []string{"dedupe", "acknowledgement-id"}, "who never asks for an id is not misled by one that was kept too early"},
		{"", []string{"dedupe-memory", "concurrency-limit"}, "the burst that would push ids out of the memory is refused, for which concurrent.accepted fails"},
	}
}

// explained gives why a mutant may survive, "" where it may not.
func (m mutant) explained() string {
	for _, s := range survivors() {
		if (s.make == "" || s.make == m.make.Name) && !slices.ContainsFunc(s.off, func(name string) bool {
			return !slices.ContainsFunc(m.off, func(o testbed.Switch) bool { return o.Name == name })
		}) {
			return s.why
		}
	}
	return ""
}

// run runs the checks that name what is off, and lists the parts that none of them
// finds, with what they say instead.
func (m mutant) run(t *testing.T) (missed []string, said string) {
	off := testbed.Off{}
	only := []string{"event.effect"}
	for _, s := range m.off {
		off[s.Name] = true
		only = append(only, s.Found...)
	}
	rep := bedRun{probe: true, only: only}.start(t, m.make.Without(off))
	failed := complaints(rep)
	for _, s := range m.off {
		if !slices.ContainsFunc(s.Found, func(id string) bool { return slices.Contains(failed, id) }) {
			missed = append(missed, s.Name)
		}
	}
	return missed, told(rep)
}

// Each part of a good receiver's rules that is switched off, alone and beside
// another one, is found by a check that names it.
func TestMutants(t *testing.T) {
	all := mutants()
	var mu sync.Mutex
	var ran []mutant
	lost := map[string]string{}
	t.Run("all", func(t *testing.T) {
		for _, m := range all {
			t.Run(strings.ReplaceAll(m.name(), " ", "-"), func(t *testing.T) {
				t.Parallel()
				missed, said := m.run(t)
				mu.Lock()
				defer mu.Unlock()
				ran = append(ran, m)
				if len(missed) > 0 {
					lost[m.name()] = fmt.Sprintf("%s not found\n%s", strings.Join(missed, ", "), said)
				}
			})
		}
	})
	for _, m := range ran {
		why := m.explained()
		said, survives := lost[m.name()]
		switch {
		case survives && why != "":
			t.Logf("survives: %s: %s", m.name(), why)
		case survives:
			t.Errorf("survives without a reason: %s: %s", m.name(), said)
		case why != "":
			t.Errorf("%s is found, though: %s", m.name(), why)
		}
	}
	rate := 100 * float64(len(ran)-len(lost)) / float64(len(ran))
	t.Logf("%d mutants, %d found by the checks that name them: %.1f %%", len(ran), len(ran)-len(lost), rate)
	if rate < 95 && len(ran) == len(all) {
		t.Errorf("only %.1f %% of the mutants are found", rate)
	}
}

// Without a switch that is off, they are good.
func TestMakesAreGood(t *testing.T) {
	for _, m := range testbed.Makes() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			sound(t, bedRun{probe: true, batch: 50, load: true}.start(t, m.Without(nil)))
		})
	}
}
