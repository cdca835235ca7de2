package plan

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"relayctl/fixtures"
)

// No event is dated after its sending, however fast the plan is gone through.
func TestAhead(t *testing.T) {
	csv := "ccid\n" + strings.Repeat("7\n8\n", 50)
	plans := map[string]func() Config{
		"records":   func() Config { return Config{Records: 300, Seed: 3} },
		"rows":      func() Config { return Config{CSV: strings.NewReader(csv), Seed: 4} },
		"read once": func() Config { return Config{CSV: bytes.NewBufferString(csv), Seed: 4} },
		"disorder": func() Config {
			return Config{Records: 50, Reorder: 0.5, ReorderWindow: time.Minute, Duplicates: 0.5, Batch: 3, Seed: 5}
		},
		"named": func() Config {
			return Config{Sources: []Source{{Kind: NamedEvent, Name: "message.delivered"}}, Count: 20}
		},
	}
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		sc, err := ParseScenario(name, text)
		if err != nil {
			t.Fatal(err)
		}
		sources := []Source{{Kind: ScenarioFile, Name: name, Scenario: sc}}
		plans[name] = func() Config { return Config{Sources: append(sources, sources...), Count: 2, Seed: 6} }
	}
	for name, config := range plans {
		for _, scale := range []float64{0, 0.01, 1, 3} {
			c := config()
			ahead := c.Ahead(scale)
			c.Start = testStart.Add(-ahead)
			origin, first := time.Duration(0), true
			for _, d := range collect(t, c) {
				if first && d.Arrives < 0 {
					origin = d.Arrives
				}
				first = false
				sent := testStart.Add(time.Duration(float64(d.Arrives-origin) * scale))
				for _, e := range d.Events {
					if e.TS.After(sent) {
						t.Errorf("%s at scale %g: %s is dated %s after its sending", name, scale, e.Name, e.TS.Sub(sent))
					}
				}
			}
			if scale == 1 && name == "records" && ahead != 0 {
				t.Errorf("at the original pace a campaign begins %s ago", ahead)
			}
		}
	}
}

// Runs of different seeds are about different customers and numbers.
func TestFirstCCID(t *testing.T) {
	seen := map[string]uint64{}
	for seed := range uint64(200) {
		first := DrawFirstCCID(seed)
		if again := DrawFirstCCID(seed); again != first || first < 1e8 || first >= 1e9 {
			t.Fatalf("seed %d: %d, then %d", seed, first, again)
		}
		for _, d := range collect(t, Config{Records: 3, Seed: seed, FirstCCID: first, Start: testStart}) {
			ccid := d.Events[0].CCID
			if other, ok := seen[ccid]; ok && other != seed {
				t.Errorf("customer %s is in the runs of seeds %d and %d", ccid, other, seed)
			}
			seen[ccid] = seed
		}
	}
	ds := collect(t, Config{Sources: []Source{{Kind: NamedEvent, Name: "message.delivered"}}, Count: 2, FirstCCID: 7, Start: testStart})
	if ds[0].Events[0].CCID != "7" || ds[1].Events[0].CCID != "8" {
		t.Errorf("the customers are %s and %s", ds[0].Events[0].CCID, ds[1].Events[0].CCID)
	}
}
