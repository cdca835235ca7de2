package sim

import "io"

// estimateAtMost is how many deliveries Estimate makes of sources that are no
// campaign; of more it does not know the number.
const estimateAtMost = 100_000

// Estimate says how many deliveries the plan has, and whether that is exact; 0
// says that nobody can know. A large campaign is told from its first records.
// It reads files, from their beginning, and leaves them anywhere.
func (c PlanConfig) Estimate() (deliveries int, exact bool) {
	for _, s := range c.Sources {
		if s.Reader != nil && !rewindable(s.Reader) {
			return 0, false
		}
	}
	if c.CSV != nil && !rewindable(c.CSV) {
		return 0, false
	}
	c.Warn, c.Reject, c.trial = nil, nil, true
	sources, campaign := c, c
	sources.Records, sources.CSV = 0, nil
	campaign.Sources = nil
	n, whole := sources.countAtMost(estimateAtMost)
	if !whole {
		return 0, false
	}
	if c.Records == 0 && c.CSV == nil {
		return n, true
	}
	m, _ := campaign.countAtMost(estimateAtMost)
	share := campaign.trialShare()
	return n + int(float64(m)/share), share == 1
}

// countAtMost counts the plan's deliveries up to a limit, and says whether
// these are all.
func (c PlanConfig) countAtMost(limit int) (n int, whole bool) {
	plan, err := NewPlan(c)
	if err != nil {
		return 0, false
	}
	for _, err := range plan {
		if err != nil {
			return n, false
		}
		if n++; n > limit {
			return n, false
		}
	}
	return n, true
}

// trialShare is the share of a campaign that a trial has gone through.
func (c PlanConfig) trialShare() float64 {
	if c.CSV == nil {
		return min(1, trialRecords/float64(c.Records))
	}
	file := c.CSV.(io.Seeker) // it is rewindable
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 1
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return 1
	}
	return float64(at) / float64(size)
}
