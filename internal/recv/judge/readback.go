package judge

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// Readback turns the records of a capture back into receipts, in the order of the capture.
// What was judged when a record came stands. What could not be known then is added: the
// receiver may have been restarted in between, or another program may have written the
// record. Its memory is that of a Tracker. It is not safe for concurrent use.
type Readback struct {
	tracker *Tracker
	judging Judging
	seq     uint64
	seed    maphash.Seed
	// repeatFirst has the events whose repetition stood in the capture before the first
	// arrival: of two requests that come at once, either may be stored first.
	repeatFirst generations
}

// NewReadback begins to read a capture back.
func NewReadback() *Readback {
	return &Readback{tracker: NewTracker(), seed: maphash.MakeSeed(), repeatFirst: newGenerations(1 << 13)}
}

// Receipts gives the receipts of the next record: one, or one for each member
// of a batch. Seq is the number of the record, from 1. They are valid until the
// next call.
func (r *Readback) Receipts(rec *capture.Record) []*Receipt {
	r.seq++
	r.judging.Reset()
	if !rec.Omitted {
		r.judging.Judge(r.tracker, rec.Body)
	}
	r.judging.Empty()
	for _, rc := range r.judging.Receipts {
		rc.take(rec, r.seq)
		r.recorded(rc, rec)
		r.tracker.Answered(rc)
	}
	return r.judging.Receipts
}

// Recorded gives the receipts of one record of a capture by itself, with the verdicts
// that it had when it came. Seq is number. The receipts refer to the record.
func Recorded(rec *capture.Record, number uint64) []*Receipt {
	var r Judging
	if !rec.Omitted {
		r.Judge(nil, rec.Body)
	}
	r.Empty()
	for _, rc := range r.Receipts {
		rc.take(rec, number)
		attempt, badges := rc.asRecorded(rec)
		rc.Attempt, rc.Badges = max(attempt, 1), parseBadges(badges)
	}
	return r.Receipts
}

// ForgetOrder removes the badges late and early from a record. It is for records of
// several receivers that ran side by side, none of which saw what the others got.
func ForgetOrder(rec *capture.Record) {
	order := func(text string) bool {
		kind, _, _ := strings.Cut(text, " ")
		return BadgeKind(kind) == Late || BadgeKind(kind) == Early
	}
	rec.Badges = slices.DeleteFunc(rec.Badges, order)
	for i := range rec.Members {
		rec.Members[i].Badges = slices.DeleteFunc(rec.Members[i].Badges, order)
	}
}

// take notes what concerns the request as a whole.
func (r *Receipt) take(rec *capture.Record, number uint64) {
	r.Seq, r.ReceivedAt, r.Remote, r.Method, r.Path, r.Status = number, rec.ReceivedAt, rec.Remote, rec.Method, rec.Path, rec.Status
	if r.App = rec.App; r.App != nil {
		r.By, r.AppTook = ByApp, r.App.Latency
	}
}

// recorded prefers what the record says to what is judged now.
func (r *Readback) recorded(rc *Receipt, rec *capture.Record) {
	attempt, badges := rc.asRecorded(rec)
	if rc.Event.Raw == nil {
		rc.Attempt, rc.Badges = attempt, parseBadges(badges)
		return
	}
	r.verdicts(rc, attempt, parseBadges(badges))
}

// asRecorded takes what the record says of the event, and gives attempt and badges.
func (r *Receipt) asRecorded(rec *capture.Record) (attempt int, badges []string) {
	attempt, badges, findings := rec.Attempt, rec.Badges, rec.Findings
	if r.Members > 0 {
		attempt, badges, findings = 0, nil, memberFindings(findings, r.Member)
		if r.Member < len(rec.Members) {
			m := &rec.Members[r.Member]
			attempt, badges = m.Attempt, m.Badges
		}
	}
	if rec.Omitted {
		r.Event.ID, r.Event.Name = rec.EventID, rec.EventName
	}
	if rec.Omitted || rec.Attempt > 0 { // it was judged when it came
		r.Findings = findings
	}
	return attempt, badges
}

// verdicts brings together the badges of the capture and those of a receipt that
// was judged now; attempt is 0 where nobody judged it when it came.
func (r *Readback) verdicts(rc *Receipt, attempt int, recorded []Badge) {
	now, nowAttempt := rc.Badges, rc.Attempt
	rc.Attempt, rc.Badges = attempt, recorded
	// In a batch a duplicate may only repeat another member.
	rc.settled = rc.settled || rc.Members == 0 && rc.has(Duplicate)
	known := attempt > 1 || rc.cameAgain() // it was judged to have come again
	id := maphash.String(r.seed, rc.Event.ID)
	if known && rc.Times == 1 {
		r.repeatFirst.set(id, 1)
	}
	_, raced := r.repeatFirst.get(id)
	for _, b := range now {
		if b.Kind == Late || b.Kind == Early || !known && !raced {
			rc.add(b)
		}
	}
	if attempt == 0 || rc.cameAgain() && !known {
		rc.Attempt = nowAttempt
	}
}

func (r *Receipt) has(k BadgeKind) bool {
	return slices.ContainsFunc(r.Badges, func(b Badge) bool { return b.Kind == k })
}

// cameAgain says whether a badge tells that the event came before.
func (r *Receipt) cameAgain() bool {
	return r.has(Attempt) || r.has(Duplicate) || r.has(Conflict)
}

// add adds a badge, or what it knows more than the one of its kind.
func (r *Receipt) add(b Badge) {
	for i := range r.Badges {
		if r.Badges[i].Kind == b.Kind {
			r.Badges[i].After = b.After
			return
		}
	}
	r.Badges = append(r.Badges, b)
}

// memberFindings gives the findings of a batch's record that are about one
// member; those about the batch as a whole go to the first.
func memberFindings(all []event.Finding, member int) []event.Finding {
	var own []event.Finding
	prefix := fmt.Sprintf("[%d]", member)
	for _, f := range all {
		rest, ok := strings.CutPrefix(f.Path, prefix)
		switch {
		case ok:
			f.Path = strings.TrimPrefix(rest, ".")
			own = append(own, f)
		case member == 0 && !strings.HasPrefix(f.Path, "["):
			own = append(own, f)
		}
	}
	return own
}
