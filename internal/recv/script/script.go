package script

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/strictyaml"
)

// The forms of a script's parts, which its schema has as well. Their bounds
// keep what they say far from an overflow.
const (
	answerForm  = `(?:timeout|close|reset|garbage|cut|[2-5][0-9][0-9])(?:x[1-9][0-9]{0,2})?(?:~` + strictyaml.DurationForm + `)?`
	answersForm = ` *` + answerForm + `(?: *, *` + answerForm + `)* *`
	chanceForm  = `(?:100|[0-9]{1,2}(?:\.[0-9]{1,6})?)%`
	windowForm  = `(?:` + strictyaml.DurationForm + `\.\.(?:` + strictyaml.DurationForm + `)?|\.\.` + strictyaml.DurationForm + `)`
)

// Parse reads one --respond script: answers separated by commas, such as
// "500,500,200", "500x3,200", a fault such as "timeout", "200~3s" (after a delay),
// each for one attempt; the whole optionally for some events
// ("notification.*=500x3,200"), by chance ("500@10%") or for a while
// ("500@1m..3m", from the second minute to the third).
func Parse(text string) (Rule, error) {
	r, err := parseRule(text)
	if err != nil {
		return Rule{}, fmt.Errorf("script %q: %w", text, err)
	}
	r.Text = text
	return r, nil
}

func parseRule(text string) (r Rule, err error) {
	r.Chance = 1
	list := text
	if events, rest, ok := strings.Cut(text, "="); ok {
		if strings.TrimSpace(events) == "" {
			return r, errors.New("the event pattern before = is missing")
		}
		if r.Events, err = event.ParseFilter(events); err != nil {
			return r, err
		}
		list = rest
	}
	list, limits, limited := strings.Cut(list, "@")
	if r.Answers, err = parseAnswers(list); err != nil || !limited {
		return r, err
	}
	for limit := range strings.SplitSeq(limits, "@") {
		switch limit = strings.TrimSpace(limit); {
		case strings.HasSuffix(limit, "%"):
			r.Chance, err = parseChance(limit)
		case strings.Contains(limit, ".."):
			r.Window, err = ParseWindow(limit)
		default:
			err = fmt.Errorf("%q after @ is neither a chance such as 10%% nor a window such as 1m..3m", limit)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// parseAnswers reads the answers of attempt 1, 2, ….
func parseAnswers(list string) ([]Answer, error) {
	var answers []Answer
	for item := range strings.SplitSeq(list, ",") {
		a, times, err := parseAnswer(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		for range times {
			answers = append(answers, a)
		}
	}
	return answers, nil
}

// maxTimes bounds a repetition such as 500x3.
const maxTimes = 999

func parseAnswer(item string) (a Answer, times int, err error) {
	word, delay, hasDelay := strings.Cut(item, "~")
	word, repeat, repeated := strings.Cut(word, "x")
	times = 1
	if repeated {
		if times, err = strconv.Atoi(repeat); err != nil || times < 1 || times > maxTimes || repeat != strconv.Itoa(times) {
			return a, 0, fmt.Errorf("%q is not a number of times between 1 and %d", repeat, maxTimes)
		}
	}
	if hasDelay {
		if a.Delay, err = parseDelay(delay); err != nil {
			return a, 0, err
		}
	}
	return a, times, a.parseWord(word)
}

func parseDuration(text string) (time.Duration, error) {
	if !whole(strictyaml.DurationForm).MatchString(text) {
		return 0, errors.New("not a duration")
	}
	return time.ParseDuration(text)
}

func whole(form string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + form + `)$`) }

func parseChance(text string) (float64, error) {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !whole(chanceForm).MatchString(text) {
		return 0, fmt.Errorf("%q is not a chance such as 10%%", text)
	}
	return percent / 100, nil
}

// ParseWindow reads a window such as 1m..3m, 1m.. or ..30s.
func ParseWindow(text string) (w Window, err error) {
	if !whole(windowForm).MatchString(text) {
		return w, fmt.Errorf("%q is not a window such as 1m..3m, 1m.. or ..30s", text)
	}
	from, until, _ := strings.Cut(text, "..")
	if from != "" {
		w.From, err = parseDuration(from)
	}
	if err == nil && until != "" {
		w.Until, err = parseDuration(until)
		if w.Until <= w.From {
			return w, fmt.Errorf("the window %s ends before it begins", text)
		}
	}
	return w, err
}
