package report

import (
	"fmt"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
)

// The progress is drawn this often, and only from this age of the run on.
const (
	progressEvery = 100 * time.Millisecond
	progressFrom  = 500 * time.Millisecond
	// rateOver is over how many draws the shown rate is taken.
	rateOver = 20
)

// Progress is the line that shows how far a run of send is.
type Progress struct {
	Screen *term.Screen     // nil for none
	Total  int              // planned deliveries, 0 if not known
	Exact  bool             // Total is not an estimate
	Load   func() sim.Load  // load of the sender's workers, nil if not known
	now    func() time.Time // for tests
}

// progress counts for the line. It is not safe for concurrent use.
type progress struct {
	Progress
	began                                time.Time
	attempts, done, retries, lost, later int
	last                                 []int           // attempts at the last draws
	lefts                                []time.Duration // what was left then
}

func (p *progress) attempt(a *sim.Attempt) {
	p.attempts++
	if a.Number > 1 {
		p.retries++
	}
}

func (p *progress) outcome(o *sim.Outcome) {
	p.done++
	if o.Kind == sim.GivenUp || o.Kind == sim.Refused {
		p.lost++
	}
	if o.Kind == sim.Skipped {
		p.later++ // took no time, so it does not count for the pace
	}
}

// line is the progress at a moment, "" if it is too early to show one. It has at
// most width columns: what matters least is left out first.
func (p *progress) line(now time.Time, width int) string {
	p.last = append(p.last, p.attempts)
	if len(p.last) > rateOver+1 {
		p.last = p.last[1:]
	}
	if now.Sub(p.began) < progressFrom {
		return ""
	}
	parts := p.parts(now)
	for rank := 7; ; rank-- {
		var texts []string
		for _, pt := range parts {
			if pt.rank < rank {
				texts = append(texts, pt.text)
			}
		}
		text := strings.Join(texts, "  ")
		if term.Columns(text) <= width || rank == 1 {
			return term.Cut(text, width)
		}
	}
}

// part is a part of the line. The one with the highest rank is left out first.
type part struct {
	text string
	rank int
}

// parts are the parts of the line at a moment.
func (p *progress) parts(now time.Time) []part {
	about := "~"
	if p.Exact {
		about = ""
	}
	var load sim.Load
	if p.Load != nil {
		load = p.Load()
	}
	held := load.Waiting > 0 && load.InFlight <= 0
	parts := []part{{fmt.Sprintf("%d sent", p.done), 0}}
	if p.Total > 0 {
		parts[0].text = fmt.Sprintf("%d of %s%d", p.done, about, max(p.Total, p.done))
		parts = append(parts, part{fmt.Sprintf("%d%%", min(100, 100*p.done/p.Total)), 6})
	}
	steps := len(p.last) - 1
	if steps > 0 && !held {
		perSecond := float64(p.last[steps]-p.last[0]) / (float64(steps) * progressEvery.Seconds())
		parts = append(parts, part{fmt.Sprintf("%.0f/s", perSecond), 1})
	}
	switch {
	case held:
		parts = append(parts, part{waiting(load.Next.Sub(now)), 1})
	case p.Load != nil:
		parts = append(parts, part{fmt.Sprintf("%d in flight", max(0, load.InFlight)), 4})
		if load.Waiting > 0 {
			parts = append(parts, part{fmt.Sprintf("%d waiting", load.Waiting), 5})
		}
	}
	if p.retries > 0 {
		parts = append(parts, part{term.Count(p.retries, "retry"), 3})
	}
	if p.lost > 0 {
		parts = append(parts, part{fmt.Sprintf("%d failed", p.lost), 2})
	}
	if left := p.left(now.Sub(p.began)); left != "" && !held {
		parts = append(parts, part{left, 1})
	}
	return parts
}

// waiting says how long it takes until the next retry. Whole seconds are counted down,
// the last of them to its end.
func waiting(next time.Duration) string {
	if next <= 0 {
		return "waiting for retries (next now)"
	}
	return fmt.Sprintf("waiting for retries (next in %s)", duration.Text((next + time.Second - 1).Truncate(time.Second)))
}

// left is how long the rest takes at the pace so far, "" where that is not known, or
// where it grows: then the pace so far says nothing of the rest.
func (p *progress) left(elapsed time.Duration) string {
	done := p.done - p.later
	rest := p.Total - p.done
	if p.Total == 0 || done <= 0 || rest <= 0 {
		return ""
	}
	left := time.Duration(float64(elapsed) / float64(done) * float64(rest))
	p.lefts = append(p.lefts, left)
	if len(p.lefts) > rateOver {
		p.lefts = p.lefts[1:]
	}
	switch {
	case left > p.lefts[0]:
		return ""
	case left < time.Second:
		return "<1s left"
	}
	return duration.Text(left.Round(time.Second)) + " left"
}
