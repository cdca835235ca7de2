package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// terminal stands for one: bytes as a terminal would get them.
func terminal() (*term.Screen, *bytes.Buffer) {
	var out bytes.Buffer
	return &term.Screen{Out: &out, Live: true}, &out
}

// onScreen plays what a terminal was sent: the lines that stay, and the one that
// is being shown.
func onScreen(sent string) (lines []string, last string) {
	for line := range strings.SplitSeq(sent, "\n") {
		if i := strings.LastIndex(line, "\r\x1b[K"); i >= 0 {
			line = line[i+len("\r\x1b[K"):]
		}
		lines = append(lines, line)
	}
	return lines[:len(lines)-1], lines[len(lines)-1]
}

// While retries hold everything up, the line says so, and a rest that grows is not
// shown.
func TestProgressOfAHeldRun(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	load := sim.Load{InFlight: 1, Waiting: 1, Next: now.Add(20 * time.Second)}
	p := progress{Progress: Progress{Total: 10, Exact: true, Load: func() sim.Load { return load }}, began: now, done: 5, attempts: 5}
	if got, want := p.line(now.Add(10*time.Second), 80), "5 of 10  50%  1 in flight  1 waiting  10s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := p.line(now.Add(11*time.Second), 80), "5 of 10  50%  0/s  1 in flight  1 waiting"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	load.InFlight = 0
	for after, want := range map[time.Duration]string{12 * time.Second: "in 8s", 19800 * time.Millisecond: "in 1s", 20 * time.Second: "now", 21 * time.Second: "now"} {
		if got, want := p.line(now.Add(after), 80), "5 of 10  50%  waiting for retries (next "+want+")"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestProgressNeverGarblesTheLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen, out := terminal()
		st := term.NewStyle(screen, term.ColorNever)
		st.Terminal, st.Width = true, 80
		s := NewSendText(screen.Out, st) // stdout is the same terminal
		s.Header("to x")
		load := func() sim.Load { return sim.Load{InFlight: 7, Waiting: 2} }
		s.Follow(Progress{Screen: screen, Total: 2000, Exact: true, Load: load})
		d := &plan.Delivery{Events: []plan.EventRef{{ID: "a", Name: "message.delivered"}}}
		for i := range 1000 {
			if i%100 == 0 {
				s.Attempt(&sim.Attempt{Delivery: d, Number: 1, Of: 4, Status: 500, Retry: true, RetryIn: time.Second})
				s.Flush()
			}
			s.Attempt(&sim.Attempt{Delivery: d, Number: 1, Of: 4, Status: 200, Outcome: sim.Accepted})
			s.Outcome(&sim.Outcome{Delivery: d, Kind: sim.Accepted, Attempts: 1, Status: 200})
			if i == 500 {
				if _, err := screen.Write([]byte("warning: w\n")); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * time.Millisecond)
		}
		time.Sleep(150 * time.Millisecond) // the last ones are drawn, too
		synctest.Wait()
		_, last := onScreen(out.String())
		if want := regexp.MustCompile(`^1000 of 2000  50%  4[0-9]{2}/s  7 in flight  2 waiting  2s left$`); !want.MatchString(last) {
			t.Errorf("shown %q, want %s", last, want)
		}
		if n := strings.Count(out.String(), " in flight"); n > 22 {
			t.Errorf("drawn %d times in two seconds", n)
		}
		if err := s.Finish(sim.Summary{Events: 1000, Deliveries: 1000, Outcomes: sim.Outcomes{Accepted: 1000}, Attempts: 1010}, nil); err != nil {
			t.Fatal(err)
		}
		lines, last := onScreen(out.String())
		if last != "" {
			t.Errorf("left behind: %q", last)
		}
		attempts, warnings := 0, 0
		for _, l := range lines {
			if strings.Contains(l, "in flight") {
				t.Errorf("a line of progress stayed: %q", l)
			}
			if strings.Contains(l, " 1/4 500 ") && strings.HasSuffix(l, " retry 1s") {
				attempts++
			}
			if l == "warning: w" {
				warnings++
			}
		}
		if attempts != 10 || warnings != 1 {
			t.Errorf("%d lines of failures, %d warnings\n%s", attempts, warnings, strings.Join(lines, "\n"))
		}
	})
}

func TestNoProgressWhereNobodySeesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, errs bytes.Buffer
		screen := term.NewScreen(&errs)
		s := NewSendText(&out, term.NewStyle(&out, term.ColorAuto))
		s.Follow(Progress{Screen: screen, Total: 10})
		time.Sleep(3 * time.Second)
		if err := s.Finish(sim.Summary{}, nil); err != nil || errs.Len() > 0 || strings.ContainsAny(out.String(), "\r\x1b") {
			t.Errorf("%v, stderr %q, stdout %q", err, errs.String(), out.String())
		}
	})
}

func TestProgressFitsAnyWidth(t *testing.T) {
	p := progress{Progress: Progress{Total: 1234567, Load: func() sim.Load { return sim.Load{InFlight: 10000, Waiting: 10000} }}}
	p.attempts, p.done, p.retries, p.lost = 999999, 999999, 99999, 99999
	for width := 1; width < 130; width++ {
		line := p.line(time.Time{}.Add(time.Hour), width)
		if w := term.Columns(line); w > width || line == "" {
			t.Errorf("%d of %d columns: %q", w, width, line)
		}
		if width >= 60 && (!strings.HasSuffix(line, " left") || !strings.HasPrefix(line, "999999 of ~1234567")) {
			t.Errorf("at %d columns: %q", width, line)
		}
	}
}

func TestSummaryTellsWhy(t *testing.T) {
	for _, width := range []int{0, 80, 120} {
		var out bytes.Buffer
		st := term.NewStyle(&out, term.ColorNever)
		st.Width = width
		s := NewSendText(&out, st)
		d := &plan.Delivery{Events: []plan.EventRef{{ID: "a", Name: "x"}}}
		for i := range 30 {
			s.Outcome(&sim.Outcome{Delivery: d, Kind: sim.Refused, Reason: "401 means invalid access and is not retried (R-401)"})
			s.Outcome(&sim.Outcome{Delivery: d, Kind: sim.GivenUp, Reason: strings.Repeat("long ", 20) + string(rune('a'+i))})
		}
		sum := sim.Summary{Events: 100000, Deliveries: 100000, Attempts: 100009, Outcomes: sim.Outcomes{Accepted: 99940, Refused: 30, GivenUp: 30}, Statuses: map[int]int{200: 99940, 401: 30, 500: 3}, ByAttempt: []int{99990, 0, 3}}
		sum.Outage = sim.Outage{Failed: 3, DeliveredLate: 2, WorstDelay: time.Second, PeakRetries: 1}
		if err := s.Finish(sum, nil); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"accepted 99940 >99%", "accepted after retry 0", "given up 30 <1%", "refused 30 <1%", "200 99940 >99% ███", "401 30 <1% █",
			"1 attempt 99990 >99% ███", "3 attempts 3 <1% █", "why 30 × 401 means invalid access and is not retried (R-401)", "23 × other reasons",
		} {
			if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), want) {
				t.Errorf("%q is missing in\n%s", want, out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			if w := term.Columns(strings.TrimSuffix(line, "\n")); width > 0 && w > width {
				t.Errorf("%d of %d columns: %q", w, width, line)
			}
		}
	}
}
