package script

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

func script(t *testing.T, texts ...string) *Rules {
	t.Helper()
	s := &Rules{Seed: 1}
	for _, text := range texts {
		r, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Fixed = append(s.Fixed, r)
	}
	return s
}

func TestChance(t *testing.T) {
	share := script(t, "500@25%")
	decide := func(s *Rules, i int) int { return s.Decide("e", fmt.Sprint(i), 1, time.Time{}).Status }
	hits := 0
	for i := range 4000 {
		if decide(share, i) == 500 {
			hits++
		}
	}
	if hits < 900 || hits > 1100 {
		t.Errorf("%d of 4000 by a chance of 25%%", hits)
	}
	other, same := 0, script(t, "500@25%")
	for i := range 4000 {
		if decide(share, i) != decide(same, i) {
			t.Fatal("the same seed draws differently")
		}
	}
	same.Seed = 2
	for i := range 4000 {
		if decide(share, i) != decide(same, i) {
			other++
		}
	}
	if other == 0 {
		t.Error("the seed has no effect")
	}
	if !share.ByChance() || script(t, "500").ByChance() || (*Rules)(nil).ByChance() {
		t.Error("it is not known what acts by chance")
	}
}

func TestWindows(t *testing.T) {
	begun := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := script(t, "500@1m..3m", "notification.*=401@..30s", "200,204@10m..")
	s.Begin(begun)
	statuses := func(name string, attempt int) string {
		var out []int
		for _, at := range []time.Duration{0, 29 * time.Second, 30 * time.Second, time.Minute, 3*time.Minute - 1, 3 * time.Minute, 10 * time.Minute} {
			out = append(out, s.Decide(name, "id", attempt, begun.Add(at)).Status)
		}
		return fmt.Sprint(out)
	}
	for _, c := range []struct {
		name    string
		attempt int
		want    string
	}{
		{"message.delivered", 1, "[200 200 200 500 500 200 200]"},
		{"message.delivered", 2, "[200 200 200 500 500 200 204]"},
		{"notification.delivered", 1, "[401 401 200 500 500 200 200]"},
	} {
		if got := statuses(c.name, c.attempt); got != c.want {
			t.Errorf("%s, attempt %d: %s, want %s", c.name, c.attempt, got, c.want)
		}
	}
	s.TimeScale = 0.01
	if got := s.Decide("message.delivered", "id", 1, begun.Add(700*time.Millisecond)).Status; got != 500 {
		t.Errorf("at a hundredth of the time: %d", got)
	}
}

func TestParse(t *testing.T) {
	r, err := Parse("notification.*=500x2, timeout~1.5s,200@10%@1m..3m")
	if err != nil || len(r.Answers) != 4 || !reflect.DeepEqual(r.Answers[2], Answer{Fault: Timeout, Delay: 1500 * time.Millisecond}) ||
		r.Chance != 0.1 || r.Window != (Window{time.Minute, 3 * time.Minute}) || r.Events.Match("message.delivered") {
		t.Errorf("%+v %v", r, err)
	}
	for bad, want := range map[string]string{
		"":              `"" is not a status between 200 and 599, timeout, close, reset, garbage or cut`,
		"50":            `"50" is not a status between 200 and 599, timeout, close, reset, garbage or cut`,
		"600":           `"600" is not a status between 200 and 599, timeout, close, reset, garbage or cut`,
		"+500":          `"+500" is not a status between 200 and 599, timeout, close, reset, garbage or cut`,
		"timeot":        `"timeot" is not a status between 200 and 599, timeout, close, reset, garbage or cut; did you mean "timeout"?`,
		"500x0":         `"0" is not a number of times between 1 and 999`,
		"500x1000":      `"1000" is not a number of times between 1 and 999`,
		"500~x":         `"x" is not a delay such as 3s`,
		"500~-3s":       `"-3s" is not a delay such as 3s`,
		"500@x":         `"x" after @ is neither a chance such as 10% nor a window such as 1m..3m`,
		"500@200%":      `"200%" is not a chance such as 10%`,
		"500@3m..1m":    `the window 3m..1m ends before it begins`,
		"500@..":        `".." is not a window such as 1m..3m, 1m.. or ..30s`,
		"500@1..3":      `"1..3" is not a window such as 1m..3m, 1m.. or ..30s`,
		"200,,500":      `"" is not a status between 200 and 599, timeout, close, reset, garbage or cut`,
		"=500":          `the event pattern before = is missing`,
		"mesage.*=500":  `event pattern "mesage.*" matches no known event; did you mean "message.*"?`,
		"500x99999999h": `"99999999h" is not a number of times between 1 and 999`,
	} {
		if _, err := Parse(bad); err == nil || err.Error() != fmt.Sprintf("script %q: %s", bad, want) {
			t.Errorf("%q:\n got %v\nwant %s", bad, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"500,500,200", "notification.*=500x3,200", "500@10%", "200~3s", "timeout", "close@1m..3m", "reset,garbage~1s,cut", "500@..30s@5%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		for _, a := range r.Answers {
			if a.Delay < 0 || (a.Status == 0) != (a.Fault != NoFault && a.Fault != Cut) {
				t.Errorf("%q: %+v", s, a)
			}
		}
		if len(r.Answers) == 0 || r.Chance < 0 || r.Chance > 1 || r.Window.From < 0 || r.Window.Until != 0 && r.Window.Until <= r.Window.From {
			t.Errorf("%q: %+v", s, r)
		}
	})
}
