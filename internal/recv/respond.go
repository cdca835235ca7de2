package recv

import (
	"fmt"
	"hash/fnv"
	"path"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/suggest"
)

// Answer is what an attempt gets.
type Answer struct {
	Status  int           // 200 means the ordinary handling
	Delay   time.Duration // before it
	Timeout bool          // no answer at all: the connection hangs
	Close   bool          // no answer at all: the connection is cut
}

// Rule gives the answers to the attempts of the events that it matches.
type Rule struct {
	Pattern string   // of the event name, "" for all
	Answers []Answer // of attempt 1, 2, …; the last one stands for all that follow
	Chance  float64  // the share of events that the rule takes, 1 for all
	text    string
}

// Script decides answers by the first rule that matches. It is safe for
// concurrent use; a nil Script answers 200 to everything.
type Script struct {
	Rules []Rule
	Seed  uint64 // of the rules that act by chance
}

// ParseRule reads one --respond script: answers separated by commas, such as
// "500,500,200", "500x3,200", "timeout", "close", "200~3s" (after a delay),
// each for one attempt; the whole optionally for some events
// ("notification.*=500x3,200") or by chance ("500@10%").
func ParseRule(text string) (Rule, error) {
	r := Rule{Chance: 1, text: text}
	list := text
	if pattern, rest, ok := strings.Cut(text, "="); ok {
		if _, err := event.ParseFilter(pattern); err != nil {
			return Rule{}, err
		}
		r.Pattern, list = strings.TrimSpace(pattern), rest
	}
	if answers, share, ok := strings.Cut(list, "@"); ok {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(share, "%"), 64)
		if err != nil || !strings.HasSuffix(share, "%") || !(percent >= 0 && percent <= 100) {
			return Rule{}, fmt.Errorf("respond script %q: %q is no chance such as 10%%", text, share)
		}
		r.Chance, list = percent/100, answers
	}
	for item := range strings.SplitSeq(list, ",") {
		answers, err := parseAnswers(strings.TrimSpace(item))
		if err != nil {
			return Rule{}, fmt.Errorf("respond script %q: %w", text, err)
		}
		r.Answers = append(r.Answers, answers...)
	}
	return r, nil
}

// maxTimes bounds a repetition such as 500x3.
const maxTimes = 1000

func parseAnswers(item string) ([]Answer, error) {
	word, delay, hasDelay := strings.Cut(item, "~")
	word, times, hasTimes := strings.Cut(word, "x")
	var a Answer
	n := 1
	var err error
	if hasTimes {
		if n, err = strconv.Atoi(times); err != nil || n < 1 || n > maxTimes {
			return nil, fmt.Errorf("%q is no number of times between 1 and %d", times, maxTimes)
		}
	}
	if hasDelay {
		if a.Delay, err = time.ParseDuration(delay); err != nil || a.Delay < 0 {
			return nil, fmt.Errorf("%q is no delay such as 3s", delay)
		}
	}
	switch word {
	case "timeout":
		a.Timeout = true
	case "close":
		a.Close = true
	default:
		if a.Status, err = strconv.Atoi(word); err != nil || a.Status < 200 || a.Status > 599 {
			return nil, fmt.Errorf("%q is no status between 200 and 599, timeout or close%s", word, suggest.DidYouMean(word, []string{"timeout", "close"}))
		}
	}
	out := make([]Answer, n)
	for i := range out {
		out[i] = a
	}
	return out, nil
}

// Decide gives the answer to the nth delivery (from 1) of an event.
func (s *Script) Decide(name, id string, attempt int) Answer {
	if s == nil {
		return Answer{Status: 200}
	}
	for i, r := range s.Rules {
		if ok, _ := path.Match(r.Pattern, name); !ok && r.Pattern != "" {
			continue
		}
		if r.Chance < 1 && s.draw(i, id, attempt) >= r.Chance {
			continue
		}
		return r.Answers[min(max(attempt, 1), len(r.Answers))-1]
	}
	return Answer{Status: 200}
}

// draw gives a number in [0,1) that depends on the seed and the attempt only,
// so that a run can be repeated whatever the order of its requests.
func (s *Script) draw(rule int, id string, attempt int) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%s/%d", s.Seed, rule, id, attempt)
	v := h.Sum64()
	v ^= v >> 33
	v *= 0xff51afd7ed558ccd
	v ^= v >> 33
	return float64(v>>11) / (1 << 53)
}
