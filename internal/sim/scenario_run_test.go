package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
)

var testStart = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func collect(t *testing.T, c plan.Config) []plan.Delivery {
	t.Helper()
	p, err := plan.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out []plan.Delivery
	for d, err := range p {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d.Clone())
	}
	return out
}

// scenarioRuns says of every built-in scenario what a recording endpoint sees,
// in the order of arrival: when, which event, and which of the plan's bodies, a
// being the first. Delays are Relay's own, 10s, 30s and 2m, whatever the
// scenario shortens them to.
var scenarioRuns = map[string]struct {
	answer func(name string, nth int) int // to the nth call with an event of that name first, from 1
	want   string
}{
	"journey":                      {want: `0s add a|0s message.delivered b|0s attempted c|0s delivered d|0s auth_link_clicked e|0s action_taken f`},
	"undelivered":                  {want: `0s message.delivered a|0s attempted b|0s undelivered c`},
	"undelivered-before-attempted": {want: `0s message.delivered a|0s undelivered b|0s attempted c`},
	"opt-out":                      {want: `0s message.delivered a|0s attempted b|0s delivered c|0s consent.update d|0s message.delivered e|0s not_attempted f`},
	"not-attempted":                {want: `0s message.delivered a|0s not_attempted b`},
	"number-change":                {want: `0s add a|0s message.delivered b|0s attempted c|0s delivered d|0s add e|0s consent.update f|0s remove g|0s message.delivered h|0s attempted i|0s delivered j`},
	"deactivation":                 {want: `0s add a|0s add b|0s remove c|0s remove d|0s deactivate e`},
	"several-numbers":              {want: `0s message.delivered a|0s attempted b|0s attempted c|0s attempted d|0s delivered e|0s undelivered f|0s auth_link_clicked g`},
	"repeated-clicks":              {want: `0s message.delivered a|0s attempted b|0s delivered c|0s auth_link_clicked d|0s auth_link_clicked e|0s action_taken f|0s auth_link_clicked g|0s auth_link_clicked h|0s action_taken i`},
	"action-without-click":         {want: `0s message.delivered a|0s attempted b|0s delivered c|0s message.delivered d|0s attempted e|0s delivered f|0s auth_link_clicked g|0s action_taken h`},
	"duplicates":                   {want: `0s message.delivered a|0s message.delivered a|0s attempted b|0s delivered c|0s delivered c|0s delivered c`},
	"out-of-order":                 {want: `0s auth_link_clicked a|0s action_taken b|0s delivered c|0s message.delivered d|0s add e|0s attempted f`},
	"lost-ack":                     {want: `0s message.delivered a|0s attempted b|10s attempted b|10s delivered c`},
	"retry-then-success": {
		answer: func(_ string, nth int) int { return []int{500, 500, 200}[nth-1] },
		want:   `0s message.delivered a|10s message.delivered a|40s message.delivered a|40s attempted b|50s attempted b|1m20s attempted b`,
	},
	"give-up": {
		answer: func(name string, _ int) int {
			if name == "message.delivered" {
				return 500
			}
			return 200
		},
		want: `0s message.delivered a|10s message.delivered a|40s message.delivered a|2m40s message.delivered a|2m40s attempted b`,
	},
	"overtaken-retry": {
		answer: func(name string, nth int) int {
			if name == "message.delivered" && nth == 1 {
				return 500
			}
			return 200
		},
		want: `0s add a|0s message.delivered b|0s attempted c|0s delivered d|10s message.delivered b`,
	},
	"batch": {want: `0s message.delivered+message.delivered+attempted a|0s attempted+delivered+delivered b`},
	"batch-retried": {
		answer: func(_ string, nth int) int { return []int{500, 200}[nth-1] },
		want:   `0s message.delivered+message.delivered+attempted+attempted+delivered+delivered a|10s message.delivered+message.delivered+attempted+attempted+delivered+delivered a`,
	},
	"token-expiry": {want: `0s add a|1s message.delivered b|1.5s attempted c|2.5s delivered d|3.5s auth_link_clicked e|4s action_taken f`},
}

// shortName is what a line of scenarioRuns calls an event.
func shortName(name string) string {
	if name == "message.delivered" {
		return name
	}
	if name == "channel_consent.update" {
		return "consent.update"
	}
	return name[strings.Index(name, ".")+1:]
}

func TestWhatEveryScenarioSends(t *testing.T) {
	for _, name := range fixtures.ScenarioNames() {
		run, known := scenarioRuns[name]
		if name == "outage" {
			continue // it is long and has a test of its own
		}
		if !known {
			t.Errorf("nothing says what %s sends", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := strings.Join(playScenario(t, name, run.answer), "|"); got != run.want {
					t.Errorf("got  %s\nwant %s", got, run.want)
				}
			})
		})
	}
}

// playScenario sends a built-in scenario and tells what arrived.
func playScenario(t *testing.T, name string, answer func(string, int) int) []string {
	t.Helper()
	text, _ := fixtures.Scenario(name)
	sc, err := plan.ParseScenario(name, text)
	if err != nil {
		t.Fatal(err)
	}
	what := plan.Config{Sources: []plan.Source{{Kind: plan.ScenarioFile, Scenario: sc}}, Start: testStart, Seed: 1}
	cfg := relay()
	cfg.Workers = 1 // the order is then the plan's
	asPreset(t, sc, &what, &cfg)
	ds := collect(t, what)
	label := map[string]string{}
	for _, d := range ds {
		if _, seen := label[string(d.Body)]; !seen {
			var names []string
			for _, env := range plan.DecodeItem(new(event.Decoder), d.Body) {
				names = append(names, shortName(env.Name))
			}
			label[string(d.Body)] = strings.Join(names, "+") + " " + string(rune('a'+len(label)))
		}
	}
	calls := map[string]int{}
	e := &endpoint{answer: func(_ int, body string) int {
		if label[body] == "" {
			t.Errorf("a body that is not in the plan: %s", body)
		}
		if calls[body]++; answer == nil {
			return 200
		}
		return answer(plan.DecodeItem(new(event.Decoder), []byte(body))[0].Name, calls[body])
	}}
	e.run(t, cfg, ds...)
	var got []string
	for i, body := range e.bodies {
		got = append(got, fmt.Sprintf("%s %s", e.at[i], label[body]))
	}
	if cfg.Workers > 1 {
		// What is sent at one time has no order among workers.
		slices.SortStableFunc(got, func(a, b string) int {
			if at := func(s string) string { at, _, _ := strings.Cut(s, " "); return at }; at(a) != at(b) {
				return 0
			}
			return strings.Compare(a[len(a)-1:], b[len(b)-1:])
		})
	}
	return got
}

// asPreset does what the command line does with a scenario's flags, but for
// those that only make it quicker to watch.
func asPreset(t *testing.T, sc *plan.Scenario, what *plan.Config, cfg *SenderConfig) {
	t.Helper()
	for _, p := range sc.Presets {
		switch p.Flag {
		case "time-scale", "auth":
		case "pace":
			cfg.Original = p.Value == "original"
		case "workers":
			_, _ = fmt.Sscan(p.Value, &cfg.Workers)
		case "spread":
			cfg.Spread = p.Value == "true"
		case "batch":
			_, _ = fmt.Sscan(p.Value, &what.Batch)
			what.BatchShape = event.Array
		default:
			t.Fatalf("the test does not know --%s", p.Flag)
		}
	}
}

// TestTheOutageScenario plays it at its own speed: the endpoint says 500 from
// the second minute to the fourth.
func TestTheOutageScenario(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text, _ := fixtures.Scenario("outage")
		sc, err := plan.ParseScenario("outage", text)
		if err != nil {
			t.Fatal(err)
		}
		what, cfg := plan.Config{Sources: []plan.Source{{Kind: plan.ScenarioFile, Scenario: sc}}, Start: testStart, Seed: 1}, relay()
		asPreset(t, sc, &what, &cfg)
		ds := collect(t, what)
		e := &endpoint{}
		first, down := map[string]time.Duration{}, 0
		e.answer = func(_ int, body string) int {
			now := time.Since(e.began)
			if _, seen := first[body]; !seen {
				first[body] = now
			}
			if now >= 2*time.Minute && now < 4*time.Minute {
				down++
				return 500
			}
			return 200
		}
		sum, _ := e.run(t, cfg, ds...)
		late := 0
		for _, d := range ds {
			if first[string(d.Body)] > d.Arrives {
				late++
			}
		}
		if len(ds) != 90 || sum.Accepted != 90 || sum.Retried == 0 || down != sum.Statuses[500] || down < 3*sum.Retried {
			t.Errorf("%d planned, %d accepted, %d of them after a retry, %d calls into the outage", len(ds), sum.Accepted, sum.Retried, down)
		}
		if late < 10 {
			t.Errorf("%d events were held back behind a retry", late)
		}
		if o := sum.Outage; o.Down() < 2*time.Minute || o.Down() > 3*time.Minute || o.Lost != 0 || o.WorstDelay != 160*time.Second {
			t.Errorf("down for %v, %d lost, the worst is %v late", o.Down(), o.Lost, o.WorstDelay)
		}
	})
}
