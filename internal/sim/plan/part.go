package plan

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Part is a process's part of a plan that several share: whole customers. The zero
// value is the whole plan.
type Part struct {
	Index int // from 1
	Of    int
}

// maxParts is far more than there are machines.
const maxParts = 100_000

// ParsePart reads I/N, such as 2/4: part 2 of 4. I has to be from 1 to N.
func ParsePart(text string) (Part, error) {
	index, of, ok := strings.Cut(text, "/")
	p := Part{}
	var err error
	if p.Index, err = strconv.Atoi(index); err == nil {
		p.Of, err = strconv.Atoi(of)
	}
	if !ok || err != nil || p.Index < 1 || p.Of > maxParts || p.Index > p.Of {
		return Part{}, fmt.Errorf("%q is not a part such as 2/4, the second of four", text)
	}
	return p, nil
}

// String gives the part as ParsePart reads it.
func (p Part) String() string { return fmt.Sprintf("%d/%d", max(p.Index, 1), max(p.Of, 1)) }

// Whole says whether the part is the whole plan.
func (p Part) Whole() bool { return p.Of <= 1 }

// has says whether a customer belongs to the part; an event without a customer is judged
// by its lane. The choice does not follow the lanes, because then some workers would have
// no work.
func (p Part) has(ccid string, lane uint64) bool {
	if p.Whole() {
		return true
	}
	if ccid != "" {
		lane = laneHash(ccid)
	}
	lane ^= lane >> 33 // the last mixing of MurmurHash3
	lane *= 0xff51afd7ed558ccd
	lane ^= lane >> 33
	lane *= 0xc4ceb9fe1a85ec53
	lane ^= lane >> 33
	return int(lane%uint64(p.Of)) == p.Index-1
}

// ErrMixedBatch says that a batch of a file has customers of several parts, so that no
// part can send it alone. With Config.Batch new batches are made, within each part.
var ErrMixedBatch = errors.New("a batch of the file has customers of several parts")

// parted leaves the deliveries of other parts out.
func parted(s Stream, p Part) Stream {
	return func(yield func(Delivery, error) bool) {
		for d, err := range s {
			mine := len(d.Events) == 0 && p.has("", d.Lane)
			for i := range d.Events {
				if has := p.has(d.Events[i].CCID, d.Lane); i == 0 {
					mine = has
				} else if has != mine && err == nil {
					err = ErrMixedBatch
				}
			}
			if err == nil && !mine {
				continue
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}
