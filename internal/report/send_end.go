package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"relayctl/internal/duration"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
)

// Widths of the summary: labels, numbers, shares and bars together fill 66 columns.
const (
	labelWidth  = 22
	barWidth    = 24
	detailWidth = 10 // labels of the lines below the tables
)

// maxReasons is how many different reasons the summary lists.
const maxReasons = 8

// reasons counts why deliveries were not accepted.
type reasons struct {
	counts map[string]int // at most maxReasons
	other  int
}

func (r *reasons) add(text string) {
	if r.counts[text] == 0 && len(r.counts) == maxReasons {
		r.other++
		return
	}
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[text]++
}

// Finish ends the progress, writes the totals and returns the first error of
// all the writing.
func (s *SendText) Finish(sum sim.Summary, embedded *judge.Summary) error {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.progress.Screen != nil {
		s.progress.Screen.Show("")
	}
	st := s.st
	st.Refit()
	if s.hidden > 0 {
		fmt.Fprintln(s.w, st.Dim(fmt.Sprintf("… %s accepted at once are not listed", term.Count(s.hidden, "delivery"))))
	}
	text, tone := verdict(&sum)
	if !s.Quiet || s.shown > 0 {
		fmt.Fprintln(s.w)
	}
	fmt.Fprintf(s.w, "%s: %s\n\n", st.Tone(tone)(text), countsText(&sum))
	s.totals(&sum)
	s.histograms(&sum)
	s.details(&sum)
	if embedded != nil {
		fmt.Fprintf(s.w, "\n%s\n", st.Bold("what the embedded receiver got"))
		fmt.Fprintf(s.w, "  sent %s, received %d\n", term.Count(sum.Requests, "request"), embedded.Requests)
		writeListenSummary(s.w, st, *embedded)
	}
	return s.w.Flush()
}

// countsText counts what was sent: "3 events, 3 copies, 6 attempts", and the requests
// where an attempt made none, or two.
func countsText(sum *sim.Summary) string {
	text := term.Count(sum.Events, "event")
	if sum.Copies > 0 {
		text += ", " + term.Count(sum.Copies, "copy")
	}
	text += ", " + term.Count(sum.Attempts, "attempt")
	if sum.Requests != sum.Attempts {
		text += ", " + term.Count(sum.Requests, "request")
	}
	return text
}

// totals writes the table of outcomes: how the events ended, and beside it the copies.
func (s *SendText) totals(sum *sim.Summary) {
	c := &sum.OfCopies
	for _, t := range []struct {
		label     string
		n, copies int
		tone      term.Tone
		always    bool
	}{
		{"accepted", sum.Accepted, c.Accepted, term.Good, true}, {"accepted after retry", sum.Retried, c.Retried, term.Plain, true},
		{"given up", sum.GivenUp, c.GivenUp, term.Bad, true}, {"refused", sum.Refused, c.Refused, term.Bad, true},
		{"skipped", sum.Skipped - sum.AcceptedBefore, c.Skipped - c.AcceptedBefore, term.Warn, false}, {"accepted before", sum.AcceptedBefore, c.AcceptedBefore, term.Plain, false},
	} {
		if t.n > 0 || t.always {
			fmt.Fprintln(s.w, s.row(t.label, t.n-t.copies, sum.Events, t.tone)+s.st.Dim(andCopies(t.copies)))
		}
	}
}

// andCopies is how many copies stand beside a number of events, "" for none.
func andCopies(n int) string {
	if n == 0 {
		return ""
	}
	return "  + " + term.Count(n, "copy")
}

// histograms writes the table of answers and the table of attempts.
func (s *SendText) histograms(sum *sim.Summary) {
	if sum.Attempts == 0 {
		return
	}
	fmt.Fprintln(s.w)
	for _, a := range answerRows(sum) {
		s.bar(a.label, a.count, sum.Attempts, a.tone)
	}
	fmt.Fprintln(s.w)
	whole := 0
	for _, n := range sum.ByAttempt {
		whole += n
	}
	for i, n := range sum.ByAttempt {
		if n > 0 {
			s.bar(term.Count(i+1, "attempt"), n, whole, term.Plain)
		}
	}
}

// row is a line of a table: label, number and share.
func (s *SendText) row(label string, n, of int, tone term.Tone) string {
	st := s.st
	number := fmt.Sprintf("%9d", n)
	if n == 0 {
		return fmt.Sprintf("  %s%s", st.Dim(term.Fit(label, labelWidth)), st.Dim(number))
	}
	return fmt.Sprintf("  %s%s %s", st.Dim(term.Fit(label, labelWidth)), st.Tone(tone)(number), st.Dim(fmt.Sprintf("%5s", percent(n, of))))
}

// bar writes a line of a table with a bar of the share.
func (s *SendText) bar(label string, n, of int, tone term.Tone) {
	fmt.Fprintf(s.w, "%s  %s\n", s.row(label, n, of, tone), s.st.Tone(tone)(strings.Repeat("█", max(1, n*barWidth/max(of, 1)))))
}

// percent is a share in whole per cent. A part is never shown as 0% or 100%.
func percent(n, of int) string {
	switch {
	case of == 0:
		return ""
	case n == of:
		return "100%"
	case n*100 < of:
		return "<1%"
	case n*1000 > of*994:
		return ">99%"
	}
	return fmt.Sprintf("%d%%", (n*100+of/2)/of)
}

// details writes the lines below the tables.
func (s *SendText) details(sum *sim.Summary) {
	fmt.Fprintln(s.w)
	s.whys()
	if sum.Attempts > 0 {
		s.detail("latency", fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", duration.Text(sum.P50), duration.Text(sum.P90), duration.Text(sum.P99), duration.Text(sum.Max)))
		s.detail("rate", fmt.Sprintf("%g attempts/s over %s", sum.PerSecond, duration.Text(sum.Ended.Sub(sum.Began))))
	}
	if sum.Behind >= behindMatters {
		s.detail("behind", fmt.Sprintf("calls went out up to %s after they were due: their workers were busy (more --workers make more calls at once)", duration.Text(sum.Behind)))
	}
	if sum.LostAcks > 0 {
		s.detail("lost acks", term.Count(sum.LostAcks, "answer")+" dropped on purpose")
	}
	if sum.Tokens > 1 {
		s.detail("tokens", fmt.Sprintf("%d, one after the other", sum.Tokens))
	}
	if sum.Undoc2xx > 0 {
		s.detail("note", term.Count(sum.Undoc2xx, "answer")+" with another 2xx than 200; only 200 is documented (R-2XX, assumed)")
	}
	for _, row := range [][2]string{{"outage", outageText(&sum.Outage)}, {"resumed", resumedText(sum)}, {"cut short", cutShortText(sum)}} {
		if row[1] != "" {
			s.detail(row[0], row[1])
		}
	}
	s.detail("seed", fmt.Sprint(sum.Seed))
}

// whys writes why deliveries were not accepted, the most frequent reason first.
func (s *SendText) whys() {
	counts, label := s.reasons.counts, "why"
	texts := slices.SortedStableFunc(slices.Values(sortedKeys(counts)), func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	for _, text := range texts {
		s.detail(label, fmt.Sprintf("%d × %s", counts[text], term.Clean(text)))
		label = ""
	}
	if s.reasons.other > 0 {
		s.detail(label, fmt.Sprintf("%d × other reasons (--report json=FILE lists them)", s.reasons.other))
	}
}

// detail writes a text with a label, wrapped to the terminal's width.
func (s *SendText) detail(label, text string) {
	s.st.Hanging(s.w, "  "+s.st.Dim(term.Fit(label, detailWidth))+" ", detailWidth+3, text)
}
