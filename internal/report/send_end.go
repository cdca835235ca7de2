package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"relayctl/internal/recv"
	"relayctl/internal/sim"
)

// Widths of the summary: labels, numbers and shares before a bar, which
// together fill 66 columns.
const (
	labelWidth  = 22
	barWidth    = 24
	detailWidth = 10 // labels of the lines below the tables
)

// maxReasons bounds how many different reasons are told.
const maxReasons = 8

// reasons counts why deliveries were not accepted.
type reasons struct {
	list  []reason
	other int
}

type reason struct {
	text  string
	count int
}

func (r *reasons) add(text string) {
	for i := range r.list {
		if r.list[i].text == text {
			r.list[i].count++
			return
		}
	}
	if len(r.list) == maxReasons {
		r.other++
		return
	}
	r.list = append(r.list, reason{text, 1})
}

// Finish ends the progress, writes the totals and returns the first error of
// all the writing.
func (s *SendText) Finish(sum sim.Summary, embedded *recv.Summary) error {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.progress.Screen != nil {
		s.progress.Screen.show("")
	}
	st := s.st
	st.refit()
	if s.hidden > 0 {
		fmt.Fprintln(s.w, st.dim(fmt.Sprintf("… %s accepted at once are not listed", plural(s.hidden, "delivery"))))
	}
	text, tone := verdict(&sum)
	fmt.Fprintf(s.w, "\n%s: %s, %s\n\n", st.toned(tone, text), plural(sum.Events, "event"), plural(sum.Attempts, "attempt"))
	s.totals(&sum)
	s.histograms(&sum)
	s.details(&sum)
	if embedded != nil {
		fmt.Fprintf(s.w, "\n%s\n", st.bold("the embedded receiver's side"))
		writeListenSummary(s.w, st, *embedded)
	}
	return s.w.Flush()
}

// totals is the table of outcomes.
func (s *SendText) totals(sum *sim.Summary) {
	for _, t := range []struct {
		label  string
		n      int
		tone   Tone
		always bool
	}{
		{"accepted", sum.Accepted, Good, true}, {"accepted after retry", sum.Retried, Plain, true},
		{"given up (R-FOUR)", sum.GivenUp, Bad, true}, {"refused", sum.Refused, Bad, true},
		{"skipped", sum.Skipped - sum.Before, Warn, false}, {"accepted before", sum.Before, Plain, false},
	} {
		if t.n > 0 || t.always {
			s.row(t.label, t.n, sum.Events, t.tone, false)
		}
	}
}

// histograms are the table of answers and that of attempts.
func (s *SendText) histograms(sum *sim.Summary) {
	if sum.Attempts == 0 {
		return
	}
	fmt.Fprintln(s.w)
	for _, a := range answerRows(sum) {
		s.row(a.label, a.count, sum.Attempts, a.tone, true)
	}
	fmt.Fprintln(s.w)
	whole := 0
	for _, n := range sum.ByAttempt {
		whole += n
	}
	for i, n := range sum.ByAttempt {
		if n > 0 {
			s.row(plural(i+1, "attempt"), n, whole, Plain, true)
		}
	}
}

// row is a line of a table: label, number, share, and a bar of the share.
func (s *SendText) row(label string, n, of int, tone Tone, bar bool) {
	st := s.st
	number := fmt.Sprintf("%9d", n)
	if n == 0 {
		fmt.Fprintf(s.w, "  %s%s\n", st.dim(fit(label, labelWidth)), st.dim(number))
		return
	}
	line := fmt.Sprintf("  %s%s %s", st.dim(fit(label, labelWidth)), st.toned(tone, number), st.dim(fmt.Sprintf("%5s", percent(n, of))))
	if bar {
		line += "  " + st.toned(tone, strings.Repeat("█", max(1, n*barWidth/max(of, 1))))
	}
	fmt.Fprintln(s.w, line)
}

// percent is a share in whole per cent; what is not all is never 100%.
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

// details are the lines below the tables.
func (s *SendText) details(sum *sim.Summary) {
	fmt.Fprintln(s.w)
	s.whys()
	if sum.Attempts > 0 {
		s.detail("latency", fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", human(sum.P50), human(sum.P90), human(sum.P99), human(sum.Max)))
		s.detail("rate", fmt.Sprintf("%g attempts/s over %s", sum.PerSecond, human(sum.Ended.Sub(sum.Began))))
	}
	if sum.Behind >= behindMatters {
		s.detail("behind", fmt.Sprintf("calls went out up to %s after they were due: their workers were busy (more --workers make more calls at once)", human(sum.Behind)))
	}
	if sum.LostAcks > 0 {
		s.detail("lost acks", plural(sum.LostAcks, "answer")+" dropped on purpose")
	}
	if sum.Tokens > 1 {
		s.detail("tokens", fmt.Sprintf("%d, one after the other", sum.Tokens))
	}
	if sum.Undoc2xx > 0 {
		s.detail("note", plural(sum.Undoc2xx, "answer")+" with another 2xx than 200; only 200 is documented (R-2XX, assumed)")
	}
	if text := outageText(&sum.Outage); text != "" {
		s.detail("outage", text)
	}
	if text := resumedText(sum); text != "" {
		s.detail("resumed", text)
	}
	if text := cutShortText(sum); text != "" {
		s.detail("cut short", text)
	}
	s.detail("seed", fmt.Sprint(sum.Seed))
}

// whys says why deliveries were not accepted, the most frequent reason first.
func (s *SendText) whys() {
	slices.SortStableFunc(s.reasons.list, func(a, b reason) int { return cmp.Compare(b.count, a.count) })
	label := "why"
	for _, r := range s.reasons.list {
		s.detail(label, fmt.Sprintf("%d × %s", r.count, Clean(r.text)))
		label = ""
	}
	if s.reasons.other > 0 {
		s.detail(label, fmt.Sprintf("%d × other reasons (--report json=FILE lists them)", s.reasons.other))
	}
}

// detail is a labelled text, wrapped on a terminal.
func (s *SendText) detail(label, text string) {
	for _, line := range s.st.wrapped(text, detailWidth+3) {
		fmt.Fprintf(s.w, "  %s %s\n", s.st.dim(fit(label, detailWidth)), line)
		label = ""
	}
}
