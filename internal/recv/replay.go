package recv

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// Replay turns the records of a capture back into the receipts that they were,
// in the order of the capture. What the receiver judged stands; what it could
// not know, because it was started anew in between or because somebody else
// wrote the record, is judged now. Its memory is that of a Tracker. It is not
// safe for concurrent use.
type Replay struct {
	tracker *Tracker
	dec     event.Decoder
	seq     uint64
	all     []Receipt
	out     []*Receipt
	seed    maphash.Seed
	// headless holds events of which a repetition stands in the capture, but not
	// yet what it repeats: of two that come at once either may be stored first.
	headless generations
	ids      map[string]*Receipt // of the members of a batch
}

// NewReplay begins a replay.
func NewReplay() *Replay {
	return &Replay{tracker: NewTracker(), seed: maphash.MakeSeed(), headless: newGenerations(1 << 13)}
}

// Receipts gives the receipts of the next record: one, or one for each member
// of a batch. Seq is the number of the record, from 1. They are valid until the
// next call.
func (r *Replay) Receipts(rec *capture.Record) []*Receipt {
	r.seq++
	base := Receipt{
		Seq: r.seq, ReceivedAt: rec.ReceivedAt, Remote: rec.Remote, Method: rec.Method, Path: rec.Path,
		Status: rec.Status, Shape: event.Single, Attempt: rec.Attempt,
	}
	r.all = r.all[:0]
	if !rec.Omitted {
		r.judge(rec, base)
	}
	if len(r.all) == 0 {
		base.Event.ID, base.Event.Name = rec.EventID, rec.EventName
		base.Badges, base.Findings = parseBadges(rec.Badges), rec.Findings
		r.all = append(r.all, base)
	}
	r.out = r.out[:0]
	for i := range r.all {
		rc := &r.all[i]
		if rc.Event.Raw != nil {
			rc.first = r.tracker.Answered(&rc.Event, rec.Status)
		}
		r.out = append(r.out, rc)
	}
	return r.out
}

func (r *Replay) judge(rec *capture.Record, base Receipt) {
	shape, members, findings := event.Split(rec.Body)
	base.Shape = shape
	if len(members) == 0 {
		if base.Findings, base.Badges = rec.Findings, parseBadges(rec.Badges); rec.Attempt == 0 {
			base.Findings = findings
		}
		r.all = append(r.all, base)
		return
	}
	members = members[:min(len(members), maxMembers)]
	r.all = slices.Grow(r.all, len(members))
	for i, m := range members {
		r.all = append(r.all, base)
		rc := &r.all[i]
		rc.Event, rc.Findings = r.dec.Decode(m)
		if rec.Attempt > 0 { // it was judged when it came
			rc.Findings = rec.Findings
		}
		if shape == event.Single {
			r.verdicts(rc, r.tracker.Observe(&rc.Event), rec.Attempt, rec.Badges)
			return
		}
		rc.Member, rc.Members = i, len(members)
		if rec.Attempt > 0 {
			rc.Findings = memberFindings(rec.Findings, i)
		}
		r.member(rc, rec)
	}
	clear(r.ids)
}

// member judges an event of a batch.
func (r *Replay) member(rc *Receipt, rec *capture.Record) {
	attempt, badges := 0, []string(nil)
	if rc.Member < len(rec.Members) {
		attempt, badges = rec.Members[rc.Member].Attempt, rec.Members[rc.Member].Badges
	}
	if twin := r.ids[rc.Event.ID]; twin != nil && rc.Event.ID != "" {
		r.verdicts(rc, twin.again(rc), attempt, badges)
		return
	}
	if r.ids == nil {
		r.ids = map[string]*Receipt{}
	}
	r.ids[rc.Event.ID] = rc
	r.verdicts(rc, r.tracker.Observe(&rc.Event), attempt, badges)
}

// verdicts brings together what the capture shows and what was judged when the
// event came; attempt is 0 where nobody judged it.
func (r *Replay) verdicts(rc *Receipt, v Verdicts, attempt int, recorded []string) {
	rc.Attempt, rc.Times, rc.Badges = attempt, v.Times, parseBadges(recorded)
	// In a batch a duplicate may only repeat another member.
	rc.settled = v.settled || rc.Members == 0 && rc.has(Duplicate)
	known := attempt > 1 || rc.cameAgain() // it was judged to have come again
	id := maphash.String(r.seed, rc.Event.ID)
	if known && v.Times == 1 {
		r.headless.set(id, 1)
	}
	_, raced := r.headless.get(id)
	for _, b := range v.Badges {
		if b.Kind == Late || b.Kind == Early || !known && !raced {
			rc.add(b)
		}
	}
	if attempt == 0 || rc.cameAgain() && !known {
		rc.Attempt = v.Attempt
	}
}

func (r *Receipt) has(k BadgeKind) bool {
	return slices.ContainsFunc(r.Badges, func(b Badge) bool { return b.Kind == k })
}

// cameAgain says whether a badge tells that the event came before.
func (r *Receipt) cameAgain() bool {
	return r.has(AttemptBadge) || r.has(Duplicate) || r.has(Conflict)
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

// parseBadges reads badges as a record has them. A kind that is not known is
// kept as it is.
func parseBadges(texts []string) []Badge {
	if len(texts) == 0 {
		return nil
	}
	badges := make([]Badge, 0, len(texts))
	for _, t := range texts {
		kind, rest, _ := strings.Cut(t, " ")
		b := Badge{Kind: BadgeKind(kind)}
		var err error
		switch b.Kind {
		case AttemptBadge:
			n, _, _ := strings.Cut(rest, "/")
			b.Attempt, err = strconv.Atoi(n)
		case Late:
			b.By, err = time.ParseDuration(rest)
		case Duplicate, Conflict, Early:
		default:
			b.Kind = BadgeKind(t)
		}
		if err != nil {
			b = Badge{Kind: BadgeKind(t)}
		}
		badges = append(badges, b)
	}
	return badges
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
