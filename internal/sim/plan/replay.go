package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"regexp"
	"strings"
	"sync"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// Replay says what of recorded requests is delivered, and how. The zero value
// delivers all of them as they were.
type Replay struct {
	Select capture.Filter // of the requests of captures, which are numbered from 1 over all of them
	Once   bool           // each event of a capture once, without its recorded repetitions
	// FreshIDs gives every event of a file another event_id of the same form, made of
	// the seed and the old one: copies of an event stay copies.
	FreshIDs bool
}

// everything says whether no request is left out.
func (r *Replay) everything() bool {
	f := &r.Select
	return f.AnyEvent() && len(f.Requests) == 0 && len(f.Statuses) == 0 && f.Since.IsZero() && f.Until.IsZero()
}

// replayed decides which recorded requests of a plan are delivered.
type replayed struct {
	Replay
	number uint64 // of the last request
	seed   maphash.Seed
	sent   map[uint64]struct{} // by a hash of the event id
}

func newReplayed(r Replay) *replayed {
	return &replayed{Replay: r, seed: maphash.MakeSeed(), sent: map[uint64]struct{}{}}
}

// selects counts a recorded request and says whether it is delivered. A batch is delivered
// whole if one of its events is selected.
func (r *replayed) selects(rec *capture.Record, d *Delivery) bool {
	r.number++
	if !r.Select.Request(r.number, rec.ReceivedAt, rec.Status) {
		return false
	}
	selected := r.Select.AnyEvent()
	for i := range d.Events {
		e, badges := &d.Events[i], rec.Badges
		if len(rec.Members) > 0 {
			badges = nil
			if i < len(rec.Members) {
				badges = rec.Members[i].Badges
			}
		}
		selected = selected || r.Select.Event(e.CCID, e.Name, e.ID, kindsOf(badges))
	}
	if !selected {
		return false
	}
	if rec.Omitted { // there is nothing to send, and to compare
		return true
	}
	if r.Once || len(r.sent) < mostMarked {
		if d.Copies = r.again(d); d.Copies > 0 && d.Copies == len(d.Events) {
			d.Copy, d.Copies = 1, 0
		}
	}
	return !r.Once || d.Copy == 0
}

// counted warns, at the end of a stream, of the numbers that were selected and that no
// request has. warn may be nil.
func (r *replayed) counted(s Stream, warn func(string)) Stream {
	if warn == nil || len(r.Select.Requests) == 0 {
		return s
	}
	return func(yield func(Delivery, error) bool) {
		for d, err := range s {
			if !yield(d, err) || err != nil {
				return
			}
		}
		if missing := r.Select.Requests.Beyond(r.number); missing != "" {
			warn(missing)
		}
	}
}

// mostMarked is how many events are remembered to recognise when they are repeated. A
// later event that is repeated counts as another event.
const mostMarked = 1 << 20

func kindsOf(badges []string) []string {
	var kinds []string
	for _, b := range badges {
		kinds = append(kinds, capture.KindOf(b))
	}
	return kinds
}

// again counts the events of a delivery that were delivered before.
func (r *replayed) again(d *Delivery) (n int) {
	for _, e := range d.Events {
		key := maphash.String(r.seed, e.ID)
		if e.ID == "" {
			key = maphash.Bytes(r.seed, d.Body)
		}
		if _, sent := r.sent[key]; sent {
			n++
		}
		r.sent[key] = struct{}{}
	}
	return n
}

// freshIDs gives every event another id.
func freshIDs(p Stream, seed uint64) Stream {
	return edited(p, func(body []byte, ref EventRef) ([]byte, EventRef, bool, error) {
		if ref.ID == "" {
			return body, ref, true, nil
		}
		set, err := event.NewSet("event_id", freshID(seed, ref.ID))
		if err != nil {
			return nil, ref, false, err
		}
		body, ref, err = override(body, ref, []event.Override{set}, nil)
		return body, ref, true, err
	})
}

// uuidForm is the form of the UUIDs in Relay's ids.
var uuidForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`)
})

// freshID is an id of the same form with another UUID in it (R-ID), or a UUID in place of
// an id of the client's own form. It is the same for the same seed and id.
func freshID(seed uint64, id string) string {
	fresh := freshUUID(seed, id)
	all := uuidForm().FindAllStringIndex(id, -1)
	if all == nil {
		return fresh
	}
	last := all[len(all)-1]
	if old := id[last[0]:last[1]]; old == strings.ToUpper(old) {
		fresh = strings.ToUpper(fresh)
	}
	return id[:last[0]] + fresh + id[last[1]:]
}

func freshUUID(seed uint64, id string) string {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), id...))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
