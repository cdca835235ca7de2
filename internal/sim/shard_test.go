package sim

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relayctl/internal/sim/plan"
)

// The calls of all shards together are due when those of the whole are: each shard
// makes its share of the rate, in its phase.
func TestThePartsShareTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{Calls: rapid.Float64Range(0.1, 1e5).Draw(t, "calls"), Per: time.Second}
		of, each := rapid.IntRange(1, 7).Draw(t, "of"), rapid.IntRange(1, 50).Draw(t, "each")
		start := time.Unix(1e9, 0)
		dues := func(shard plan.Shard, calls int) (out []time.Duration) {
			r := &run{Sender: &Sender{cfg: SenderConfig{Rate: rate, Shard: shard}}, start: start}
			for n := range calls {
				out = append(out, r.dueAt(n, plan.Delivery{}).Sub(start))
			}
			return out
		}
		var union []time.Duration
		for i := range of {
			union = append(union, dues(plan.Shard{Index: i + 1, Of: of}, each)...)
		}
		slices.Sort(union)
		if whole := dues(plan.Shard{}, of*each); !slices.Equal(union, whole) {
			t.Fatalf("the whole is due at %v, the shards at %v", whole, union)
		}
	})
}

// What summaries of shards come to does not depend on their order, and each bucket
// goes where its time was.
func TestSummariesAdd(t *testing.T) {
	began := time.Unix(1e9, 0)
	shard := func(after time.Duration, latency int64) *Summary {
		s := NewSummary(1, began.Add(after))
		s.Events, s.Accepted, s.AcceptedBefore, s.Skipped, s.Deliveries, s.Attempts = 5, 3, 2, 2, 5, 3
		s.Statuses[200], s.ByAttempt = 3, []int{2, 1}
		s.Series.at(2 * time.Second).Attempts = 3
		if err := s.Latencies.RecordValues(latency, 3); err != nil {
			t.Fatal(err)
		}
		s.Ended = s.Began.Add(4 * time.Second)
		return s
	}
	a, b := shard(0, 1000), shard(6*time.Second, 9000)
	for _, order := range [][]*Summary{{a, b}, {b, a}} {
		sum := NewSummary(1, order[0].Began)
		sum.Add(order[0])
		sum.Add(order[1])
		sum.Finish()
		attempts := map[time.Duration]int{}
		for i, bucket := range sum.Series.Buckets {
			if bucket.Attempts > 0 {
				attempts[(time.Duration(i) * sum.Series.Width).Round(time.Second)] += bucket.Attempts
			}
		}
		if sum.Accepted != 10 || sum.AcceptedBefore != 0 || sum.Skipped != 0 || sum.Statuses[200] != 6 || !slices.Equal(sum.ByAttempt, []int{4, 2}) || !sum.OK() ||
			sum.Ended.Sub(sum.Began) != 10*time.Second || attempts[2*time.Second] != 3 || attempts[8*time.Second] != 3 || sum.Latencies.TotalCount() != 6 || sum.Max < 8*time.Millisecond {
			t.Errorf("%+v, attempts %v", sum, attempts)
		}
	}
}
