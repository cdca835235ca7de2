package check

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// docs/probe.md says how far a green run reaches in numbers; they are those of the
// checks.
func TestReachIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/probe.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	w := DefaultWaits()
	trial := &Trial{caller: &caller{run: newRun(&Settings{RunID: "reach"})}}
	depths := nestings()
	for _, want := range []string{
		fmt.Sprintf("at least %d other events (or those of the burst) and %.0f seconds", enoughBetween, w.Memory.Seconds()),
		"after 10 s + 30 s + 2 min (assumed) at the rate of `--capacity`",
		fmt.Sprintf("%d different events at the same instant, of one customer, of a new one, of %s who share a number", atOnce, inWords(sharing)),
		fmt.Sprintf("more than %d workers", atOnce),
		fmt.Sprintf("%d pairs of customers", len(allTwins(trial))),
		fmt.Sprintf("up to %d restarts: %d under load (as many as begin within %.0f seconds), at once and %s after the last answers",
			loadedKills+len(moments()), loadedKills, w.Kills.Seconds(), strings.Replace(moments()[1].String(), "ms", " ms", 1)),
		fmt.Sprintf("a fault that lasts, and %d that come and go", flickering),
		fmt.Sprintf("in readings over %s connections", inWords(manyDoors)),
		fmt.Sprintf("up to %s levels deep", grouped(depths[len(depths)-1])),
		fmt.Sprintf("A right state is believed after %s equal readings", inWords(equalReads)),
		fmt.Sprintf("has up to %s seconds", inWords(int(w.Settle.Seconds()))),
		fmt.Sprintf("in %s places of a batch", inWords(len(places()))),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("docs/probe.md does not say %q", want)
		}
	}
	if w.Attempts != 2*time.Minute+40*time.Second {
		t.Errorf("Relay's attempts take %s; docs/probe.md says 10 s + 30 s + 2 min", w.Attempts)
	}
}

func inWords(n int) string {
	return map[int]string{3: "three", 4: "four", 8: "eight", 10: "ten"}[n]
}

// grouped writes 100000 as 100,000.
func grouped(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
