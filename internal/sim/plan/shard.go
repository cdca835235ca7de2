package plan

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Shard is a process's part of a plan that several share: whole customers. The zero
// value is the whole plan.
type Shard struct {
	Index int // from 1
	Of    int
}

// maxShards is far more than there are machines.
const maxShards = 100_000

// ParseShard reads I/N, such as 2/4: shard 2 of 4. I has to be from 1 to N.
func ParseShard(text string) (Shard, error) {
	index, of, ok := strings.Cut(text, "/")
	p := Shard{}
	var err error
	if p.Index, err = strconv.Atoi(index); err == nil {
		p.Of, err = strconv.Atoi(of)
	}
	if !ok || err != nil || p.Index < 1 || p.Of > maxShards || p.Index > p.Of {
		return Shard{}, fmt.Errorf("%q is not a shard such as 2/4, the second of four", text)
	}
	return p, nil
}

// String gives the shard as ParseShard reads it.
func (p Shard) String() string { return fmt.Sprintf("%d/%d", max(p.Index, 1), max(p.Of, 1)) }

// Whole says whether the shard is the whole plan.
func (p Shard) Whole() bool { return p.Of <= 1 }

// has says whether a customer belongs to the shard; an event without a customer is judged
// by its lane. The choice does not follow the lanes, because then some workers would have
// no work.
func (p Shard) has(ccid string, lane uint64) bool {
	if p.Whole() {
		return true
	}
	if ccid != "" {
		lane = CustomerLane(ccid)
	}
	lane ^= lane >> 33 // the last mixing of MurmurHash3
	lane *= 0xff51afd7ed558ccd
	lane ^= lane >> 33
	lane *= 0xc4ceb9fe1a85ec53
	lane ^= lane >> 33
	return int(lane%uint64(p.Of)) == p.Index-1
}

// ErrMixedBatch says that a batch of a file has customers of several shards, so that no
// shard can send it alone. With Config.Batch new batches are made, within each shard.
var ErrMixedBatch = errors.New("a batch of the file has customers of several shards")

// sharded leaves the deliveries of other shards out.
func sharded(s Stream, p Shard) Stream {
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
