package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"relayctl/internal/sim"
)

// How often the progress is drawn, and from when on: a run that is over before
// needs none.
const (
	progressEvery = 100 * time.Millisecond
	progressFrom  = 500 * time.Millisecond
	// rateOver is the time over which the shown rate is taken.
	rateOver = 20 // of progressEvery
)

// Progress is the line that shows how far a run of send is.
type Progress struct {
	Screen *Screen          // nil for none
	Total  int              // calls to be delivered, 0 when nobody knows
	Exact  bool             // Total is no estimate
	Load   func() sim.Load  // of the sender's workers; nil when not known
	now    func() time.Time // for tests
}

// progress counts for the line. Its owner sees to the locking.
type progress struct {
	Progress
	began                                time.Time
	attempts, done, retries, lost, later int
	last                                 []int // attempts at the last draws
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
		p.later++ // they took no time, and say nothing of the pace
	}
}

// line is the progress at a moment, "" while there is none to show. It has at
// most width columns: what matters least is left out first.
func (p *progress) line(now time.Time, width int) string {
	p.last = append(p.last, p.attempts)
	if len(p.last) > rateOver+1 {
		p.last = p.last[1:]
	}
	elapsed := now.Sub(p.began)
	if elapsed < progressFrom {
		return ""
	}
	type part struct {
		text string
		rank int // the highest goes first
	}
	about := "~"
	if p.Exact {
		about = ""
	}
	parts := []part{{fmt.Sprintf("%d sent", p.done), 0}}
	if p.Total > 0 {
		parts[0].text = fmt.Sprintf("%d of %s%d", p.done, about, max(p.Total, p.done))
		parts = append(parts, part{fmt.Sprintf("%d%%", min(100, 100*p.done/p.Total)), 6})
	}
	steps := len(p.last) - 1
	if steps > 0 {
		perSecond := float64(p.last[steps]-p.last[0]) / (float64(steps) * progressEvery.Seconds())
		parts = append(parts, part{fmt.Sprintf("%.0f/s", perSecond), 1})
	}
	if p.Load != nil {
		load := p.Load()
		parts = append(parts, part{fmt.Sprintf("%d in flight", max(0, load.InFlight)), 4})
		if load.Waiting > 0 {
			parts = append(parts, part{fmt.Sprintf("%d waiting", load.Waiting), 5})
		}
	}
	if p.retries > 0 {
		parts = append(parts, part{plural(p.retries, "retry"), 3})
	}
	if p.lost > 0 {
		parts = append(parts, part{fmt.Sprintf("%d failed", p.lost), 2})
	}
	if left := p.left(elapsed); left != "" {
		parts = append(parts, part{left, 1})
	}
	for rank := 7; ; rank-- {
		var texts []string
		for _, pt := range parts {
			if pt.rank < rank {
				texts = append(texts, pt.text)
			}
		}
		text := strings.Join(texts, "  ")
		if runewidth.StringWidth(text) <= width || rank == 1 {
			return runewidth.Truncate(text, width, "…")
		}
	}
}

// left is the time that the rest will take at the pace so far.
func (p *progress) left(elapsed time.Duration) string {
	done := p.done - p.later
	rest := p.Total - p.done
	if p.Total == 0 || done <= 0 || rest <= 0 {
		return ""
	}
	left := time.Duration(float64(elapsed) / float64(done) * float64(rest))
	if left < time.Second {
		return "<1s left"
	}
	return axisTime(left.Round(time.Second)) + " left"
}
