package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"relayctl/internal/report/page"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
)

// failures are deliveries that were not accepted for the same reason.
type failures struct {
	notAccepted []*notAccepted // at least one
}

// sameFailure is what failures have in common.
type sameFailure struct {
	outcome        sim.OutcomeKind
	answer, reason string
}

// failuresOf groups the deliveries that were not accepted, or of these the ones with an
// event of that name: the most frequent failure first.
func (r *SendDetails) failuresOf(only func(*notAccepted) bool) []failures {
	var groups []failures
	index := map[sameFailure]int{}
	for i := range r.notAccepted {
		m := &r.notAccepted[i]
		if only != nil && !only(m) {
			continue
		}
		key := sameFailure{m.Outcome, m.answer(), m.Reason}
		n, known := index[key]
		if !known {
			n = len(groups)
			index[key] = n
			groups = append(groups, failures{})
		}
		groups[n].notAccepted = append(groups[n].notAccepted, m)
	}
	slices.SortStableFunc(groups, func(a, b failures) int { return cmp.Compare(len(b.notAccepted), len(a.notAccepted)) })
	return groups
}

// What of a group of failures is listed one by one.
const (
	mostListed    = 20
	mostCustomers = 8
	mostGroups    = 50
)

// item shows the group on a page.
func (f failures) item() page.Item {
	first := f.notAccepted[0]
	tone := term.Bad
	if first.Outcome == sim.Skipped {
		tone = term.Warn
	}
	fact := func(label, value string) page.Fact { return page.Fact{Label: label, Value: value} }
	item := page.Item{
		Badge: string(first.Outcome), Tone: tone, Title: f.title(), Aside: term.Count(len(f.notAccepted), "delivery"),
		Facts: []page.Fact{fact("attempts", f.attempts()), fact("events", f.tallied(mostListed, func(m *notAccepted) []string { return m.names }))},
	}
	if customers := f.tallied(mostCustomers, func(m *notAccepted) []string { return []string{m.customer} }); customers != "" {
		item.Facts = append(item.Facts, fact("customers", customers))
	}
	if first.Answer != "" {
		item.Facts = append(item.Facts, fact("answer", cleanLines(first.Answer)))
	}
	item.Facts = append(item.Facts, fact("deliveries", f.lines(term.ShortID)))
	return item
}

// title is what the deliveries have in common: the last answer, and why they were not
// accepted.
func (f failures) title() string {
	first := f.notAccepted[0]
	title := term.Clean(first.Reason)
	if answer := first.answer(); answer != "" && !strings.HasPrefix(title, answer) {
		title = answer + ": " + title
	}
	return title
}

// attempts is how many attempts the deliveries had.
func (f failures) attempts() string {
	least, most := f.notAccepted[0].Attempts, 0
	for _, m := range f.notAccepted {
		least, most = min(least, m.Attempts), max(most, m.Attempts)
	}
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// tallied counts texts of the deliveries in the order in which they came first:
// "message.delivered × 2, notification.attempted".
func (f failures) tallied(most int, of func(*notAccepted) []string) string {
	counts := map[string]int{}
	var order []string
	for _, m := range f.notAccepted {
		for _, text := range of(m) {
			if text == "" {
				continue
			}
			if counts[text]++; counts[text] == 1 {
				order = append(order, text)
			}
		}
	}
	var parts []string
	for _, text := range order[:min(len(order), most)] {
		part := term.Clean(text)
		if counts[text] > 1 {
			part += fmt.Sprintf(" × %d", counts[text])
		}
		parts = append(parts, part)
	}
	if rest := len(order) - most; rest > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(parts, ", ")
}

// lines lists the first deliveries: event, customer, and the id as it is to be shown.
func (f failures) lines(shown func(id string) string) string {
	var lines []string
	for _, m := range f.notAccepted[:min(len(f.notAccepted), mostListed)] {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s  %s  %s", term.NameOf(m.EventName), term.Clean(cmp.Or(m.customer, "-")), shown(m.EventID))))
	}
	if rest := len(f.notAccepted) - mostListed; rest > 0 {
		lines = append(lines, fmt.Sprintf("and %d more (--report json=FILE lists them)", rest))
	}
	return strings.Join(lines, "\n")
}

// cleanLines cleans a text from outside, and keeps its lines.
func cleanLines(text string) string {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), "\n")
	for i := range lines {
		lines[i] = term.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
