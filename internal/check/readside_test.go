package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

// teller is a trial that only writes events.
func teller(t testing.TB) *Trial {
	t.Helper()
	p, err := NewProbe(ProbeConfig{URL: "http://127.0.0.1:1/{ccid}"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(&Settings{URL: "http://127.0.0.1:1/", RunID: "unit", Start: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Probe: p})
	return &Trial{caller: &caller{run: r}, Check: &Check{ID: "unit"}}
}

// showing is the state that a word shows.
func showing(word string) *state.State {
	s, _ := state.NewView(nil, nil, time.Now()).Read([]byte(strconv.Quote(word)))
	return s
}

// watchScript watches states that a script gives, on virtual time.
func watchScript(t *testing.T, need stays, script func(since time.Duration) (*state.State, error)) (seen sight, took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		seen = watcher{DefaultWaits().Settle, 0, need}.watch(context.Background(), func() (*state.State, error) { return script(time.Since(began)) })
		took = time.Since(began)
	})
	return seen, took
}

func TestWatch(t *testing.T) {
	text := func(s string) (*state.State, error) { return showing(s), nil }
	rightAt := func(right string) stays {
		return func(n *state.State, _ time.Duration) time.Duration {
			if n.Show() == right {
				return 0
			}
			return DefaultWaits().Wrong
		}
	}
	seen, took := watchScript(t, rightAt("b"), func(time.Duration) (*state.State, error) { return text("b") })
	if seen.state.Show() != "b" || seen.moving > 0 || seen.after != 0 || took > time.Second {
		t.Errorf("a right state is believed at once: %+v after %s", seen, took)
	}
	seen, _ = watchScript(t, rightAt("b"), func(since time.Duration) (*state.State, error) {
		if since < time.Second {
			return text("a")
		}
		return text("b")
	})
	if seen.state.Show() != "b" || seen.after < time.Second {
		t.Errorf("one that becomes right is waited for: %+v", seen)
	}
	seen, took = watchScript(t, rightAt("b"), func(time.Duration) (*state.State, error) { return text("a") })
	if seen.state.Show() != "a" || seen.moving > 0 || took < DefaultWaits().Wrong || took > 3*DefaultWaits().Wrong {
		t.Errorf("one that stays wrong is wrong: %+v after %s", seen, took)
	}
	n := 0
	seen, took = watchScript(t, rightAt("b"), func(time.Duration) (*state.State, error) { n++; return text(fmt.Sprint(n)) })
	if seen.unclear() == "" || took < DefaultWaits().Settle {
		t.Errorf("one that moves is unclear: %+v after %s", seen, took)
	}
	seen, _ = watchScript(t, rightAt("b"), func(since time.Duration) (*state.State, error) {
		if since < 3*time.Second {
			return nil, errors.New("status 503")
		}
		return text("b")
	})
	if seen.unclear() != "" || seen.state.Show() != "b" {
		t.Errorf("what cannot be read now may be later: %+v", seen)
	}
	seen, _ = watchScript(t, rightAt("b"), func(time.Duration) (*state.State, error) { return nil, errors.New("status 503") })
	if seen.unclear() != "status 503" {
		t.Errorf("no state: %+v", seen)
	}
}

// Delta debugging ends with exactly the elements that a failure takes.
func TestShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.IntRange(0, 100), 1, 30, rapid.ID[int]).Draw(t, "list")
		guilty := rapid.SliceOfNDistinct(rapid.SampledFrom(list), 1, min(4, len(list)), rapid.ID[int]).Draw(t, "guilty")
		fails := func(part []int) bool {
			return !slices.ContainsFunc(guilty, func(g int) bool { return !slices.Contains(part, g) })
		}
		got := shrink(list, fails)
		if len(got) != len(guilty) || !fails(got) {
			t.Fatalf("%v of %v, want %v", got, list, guilty)
		}
	})
}

// A saved scenario is one that send reads, and arrives in its order.
func TestScenarioIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := life()
		order := rapid.Permutation(backwards(len(s.steps))).Draw(t, "order")
		order = order[:rapid.IntRange(1, len(order)).Draw(t, "n")]
		part, short := s.part(order)
		sc, err := plan.ParseScenario("s.yaml", scenarioFile("x", part, short, 0))
		if err != nil {
			t.Fatal(err)
		}
		steps := slices.Clone(sc.Steps)
		slices.SortStableFunc(steps, func(a, b plan.Step) int { return int(a.Arrives - b.Arrives) })
		for at, i := range order {
			if st := steps[at]; st.Event != s.steps[i].Event || st.At != s.steps[i].At || st.Channel != s.steps[i].Channel || st.Message != s.steps[i].Message {
				t.Fatalf("step %d is %+v, want %+v", at, st, s.steps[i])
			}
		}
	})
}

// No two customers have an event of the same time, and none is of the future.
func TestEventTimesAreUnique(t *testing.T) {
	tr := teller(t)
	tr.Start = time.Now()
	seen := map[time.Time]bool{}
	for range 700 {
		for _, d := range tr.written(life()) {
			ts := d.Events[0].TS
			if seen[ts] || ts.After(time.Now()) {
				t.Fatalf("%s is there twice, or of the future", ts)
			}
			seen[ts] = true
		}
	}
}

// A probe that looks at the wrong place gets 404, and does not know that it did.
func TestUnseenSaysWhatAbsentIs(t *testing.T) {
	if got := unseen(24, showing("")); !strings.HasSuffix(got, ": (absent), as 404, null and an empty answer are read") {
		t.Error(got)
	}
	if got := unseen(24, showing("none")); !strings.HasSuffix(got, " shows: none") {
		t.Error(got)
	}
}
