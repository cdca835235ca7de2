package sim

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	journalVersion = 1
	startedPrefix  = `{"started":`
	// maxJournalLine is far above what is ever written.
	maxJournalLine = 1 << 20
)

// journalLine is any line of a journal.
type journalLine struct {
	Type string `json:"type,omitempty"`
	V    int    `json:"v,omitempty"`
	JournalHeader
	Seq     *int        `json:"seq,omitempty"`
	Outcome OutcomeKind `json:"outcome,omitempty"`
	Sum     *uint32     `json:"sum,omitempty"`
}

// read takes in an earlier run's lines and returns the length of the whole
// lines. What follows them was torn by the end of that run.
func (j *Journal) read(r io.Reader) (int64, error) {
	header := j.Header
	lines := newLineReader(r)
	for n := 1; ; n++ {
		line, err := lines.next()
		if err != nil {
			return 0, fmt.Errorf("%s:%d: %w", j.path, n, err)
		}
		if line == nil {
			return lines.whole, nil
		}
		if n == 1 {
			if err := j.readHeader(line); err != nil {
				return 0, err
			}
			if err := j.samePlan(header); err != nil {
				return 0, err
			}
			continue
		}
		if err := j.readLine(line); err != nil {
			return 0, fmt.Errorf("%s:%d: %w", j.path, n, err)
		}
	}
}

func (j *Journal) readHeader(line []byte) error {
	var h journalLine
	if err := json.Unmarshal(line, &h); err != nil || h.Type != "journal" {
		return fmt.Errorf("%s is not a journal", j.path)
	}
	if h.V != journalVersion {
		return fmt.Errorf("%s: a journal of version %d; this relayctl knows version %d", j.path, h.V, journalVersion)
	}
	j.Header = h.JournalHeader
	return nil
}

func (j *Journal) samePlan(want JournalHeader) error {
	got := j.Header
	other := func(name, then, now string) error {
		return fmt.Errorf("journal %s belongs to another plan: %s was %s then and is %s now", j.path, name, cmp.Or(then, "not given"), cmp.Or(now, "not given"))
	}
	switch {
	case got.Seed != want.Seed:
		return other("--seed", strconv.FormatUint(got.Seed, 10), strconv.FormatUint(want.Seed, 10))
	case !got.Start.Equal(want.Start):
		return other("--start", got.Start.Format(time.RFC3339Nano), want.Start.Format(time.RFC3339Nano))
	}
	names := slices.Concat(slices.Collect(maps.Keys(got.Args)), slices.Collect(maps.Keys(want.Args)))
	slices.Sort(names)
	for _, name := range names {
		if then, now := got.Args[name], want.Args[name]; then != now {
			return other(name, then, now)
		}
	}
	return nil
}

func (j *Journal) readLine(line []byte) error {
	if rest, ok := bytes.CutPrefix(line, []byte(startedPrefix)); ok {
		digits, ok := bytes.CutSuffix(rest, []byte{'}'})
		seq, err := strconv.Atoi(string(digits))
		if !ok || err != nil || seq < 0 {
			return errors.New("this line of the journal cannot be read")
		}
		j.flight[seq] = true
		return nil
	}
	var l journalLine
	if err := json.Unmarshal(line, &l); err != nil || l.Seq == nil || *l.Seq < 0 || l.Outcome == "" {
		return errors.New("this line of the journal cannot be read")
	}
	// What ended otherwise than accepted was not under way when the run ended.
	delete(j.flight, *l.Seq)
	if l.Outcome == Accepted {
		j.done.add(*l.Seq)
		if l.Sum != nil && sampled(*l.Seq) {
			j.sums[*l.Seq] = *l.Sum
		}
	}
	return nil
}

// lineReader reads whole lines and counts their bytes.
type lineReader struct {
	r     *bufio.Reader
	whole int64 // bytes of the lines so far
	long  []byte
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line without its end, valid until the next call; nil
// when only a torn line is left, or none.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			if line, err = l.r.ReadSlice('\n'); len(l.long)+len(line) > maxJournalLine {
				return nil, errors.New("the line is too long for a journal")
			}
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	l.whole += int64(len(line))
	return line[:len(line)-1], nil
}

// seqSet is a set of sequence numbers: a bit for each, in pieces, so that a
// single large number costs one piece.
type seqSet struct {
	pieces map[int]*[seqPiece / 64]uint64
	n, max int
}

const seqPiece = 1 << 15

func (s *seqSet) add(seq int) {
	if s.pieces == nil {
		s.pieces = map[int]*[seqPiece / 64]uint64{}
		s.max = -1
	}
	p := s.pieces[seq/seqPiece]
	if p == nil {
		p = new([seqPiece / 64]uint64)
		s.pieces[seq/seqPiece] = p
	}
	word, bit := &p[seq%seqPiece/64], uint64(1)<<(seq%64)
	s.n += 1 - bits.OnesCount64(*word&bit)
	*word |= bit
	s.max = max(s.max, seq)
}

func (s *seqSet) has(seq int) bool {
	p := s.pieces[seq/seqPiece]
	return p != nil && p[seq%seqPiece/64]&(1<<(seq%64)) != 0
}
