package plan

import (
	"bytes"
	"io"
	"math/rand/v2"
	"time"
)

// firstCCID is the ccid of the first generated customer, unless another one is
// asked for.
const firstCCID = 1001

// DrawFirstCCID draws a Config's FirstCCID from a seed, so that runs of different
// seeds are about different customers: a number of nine digits.
func DrawFirstCCID(seed uint64) uint64 {
	const nineDigits = 100_000_000
	return nineDigits + rand.New(rand.NewPCG(seed, 0xcc1d)).Uint64N(9*nineDigits)
}

// firstIndex is the index of the first generated customer. It wraps around for a
// ccid below the usual ones, and newCustomer wraps back.
func (c Config) firstIndex() uint64 {
	if c.FirstCCID == 0 {
		return 0
	}
	return c.FirstCCID - firstCCID
}

const (
	// longestStory is more than the journey of a record ever lasts.
	longestStory = 10 * time.Minute
	// unknownRows is how many rows a campaign's file is taken to have that can be
	// read only once: as many as Relay speaks of (R-SCALE).
	unknownRows = 1_000_000
)

// Ahead returns the most by which a generated event would be dated later than it is sent,
// if the run began at Start. A Start that is earlier by that much dates no event in the
// future. scale is the least time that one second of the plan takes, in seconds: 0 without
// waits, 1 at the original pace. It reads CSV from its beginning to count the rows.
func (c Config) Ahead(scale float64) time.Duration {
	scale = min(max(scale, 0), 1)
	sentAt := func(arrives time.Duration) time.Duration {
		return time.Duration(float64(max(arrives, 0)) * scale)
	}
	ahead := time.Duration(0)
	for _, src := range c.Sources {
		sc := src.scenario()
		if sc == nil {
			continue
		}
		last := time.Duration(c.customersOf(sc)-1) * sc.Every
		for i := range sc.Steps {
			st := &sc.Steps[i]
			ahead = max(ahead, last+st.At-sentAt(last+st.Arrives))
		}
	}
	if rows := c.rows(); rows > 0 {
		end := time.Duration(min(rows-1, 1e9))*recordSpacing + longestStory
		ahead = max(ahead, end-sentAt(end))
	}
	return ahead
}

// rows is how many records a campaign has, or a little more.
func (c Config) rows() uint64 {
	switch {
	case c.CSV == nil:
		return c.Records
	case !rewindable(c.CSV):
		return unknownRows
	}
	if rewind(c.CSV) != nil {
		return unknownRows
	}
	rows, buf := uint64(1), make([]byte, 64<<10)
	for {
		n, err := c.CSV.Read(buf)
		rows += uint64(bytes.Count(buf[:n], []byte("\n")) + bytes.Count(buf[:n], []byte("\r")))
		if err == io.EOF {
			return rows
		}
		if err != nil {
			return unknownRows
		}
	}
}
