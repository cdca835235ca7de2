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
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	journalVersion = 2
	// unsealedVersion is the one whose lines have no checksum.
	unsealedVersion = 1
	startedPrefix   = `{"started":`
	// maxJournalLine is far above what is ever written.
	maxJournalLine = 1 << 20
)

// What a line ends with: the checksum of what stands before, as eight hexadecimal
// digits.
const (
	sealPrefix = `,"crc":"`
	sealSuffix = `"}`
	sealSize   = len(sealPrefix) + 8 + len(sealSuffix)
)

// seal ends the line that begins at from, and lacks its closing brace.
func seal(b []byte, from int) []byte {
	return fmt.Appendf(b, "%s%08x%s\n", sealPrefix, checksum(b[from:]), sealSuffix)
}

// sealed says whether a line is as it was written, and returns what stands
// before its checksum.
func sealed(line []byte) (body []byte, ok bool) {
	at := len(line) - sealSize
	if at < 0 {
		return nil, false
	}
	return line[:at], string(line) == string(bytes.TrimSuffix(seal(line[:at:at], 0), []byte("\n")))
}

// JournalUsed says that the journal of a new run holds an earlier one, which could be
// continued.
type JournalUsed struct{ Path string }

func (e *JournalUsed) Error() string { return fmt.Sprintf("journal %s holds a run already", e.Path) }

// JournalDamage is a line of a journal that is not as it was written.
type JournalDamage struct {
	Path  string
	Line  int  // from 1; the first is the header
	Zeros bool // it has zeros, as a power cut leaves them
}

// Error implements error.
func (e *JournalDamage) Error() string {
	if e.Zeros {
		return fmt.Sprintf("%s:%d: this line of the journal has zeros in it, as a power cut leaves them", e.Path, e.Line)
	}
	return fmt.Sprintf("%s:%d: this line of the journal is damaged: its checksum does not fit", e.Path, e.Line)
}

func notJournal(path string) error { return fmt.Errorf("%s is not a journal", path) }

func notRegular(path string) error { return fmt.Errorf("journal %s is not a regular file", path) }

var errLongLine = errors.New("the line is too long for a journal")

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
		if n == 1 && errors.Is(err, errLongLine) {
			return 0, notJournal(j.path)
		}
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
		if !j.readLine(line) {
			return 0, &JournalDamage{j.path, n, bytes.IndexByte(line, 0) >= 0}
		}
	}
}

func (j *Journal) readHeader(line []byte) error {
	var h journalLine
	err := json.Unmarshal(line, &h)
	_, whole := sealed(line)
	old := h.V == unsealedVersion && !bytes.Contains(line, []byte(sealPrefix))
	switch zeros := bytes.IndexByte(line, 0) >= 0; {
	case zeros || bytes.HasPrefix(line, []byte(journalBegin)) && (err != nil || h.V <= journalVersion && !whole && !old):
		return &JournalDamage{j.path, 1, zeros}
	case err != nil || h.Type != "journal":
		return notJournal(j.path)
	case h.V > journalVersion:
		return fmt.Errorf("%s: a journal of version %d; this relayctl knows versions up to %d", j.path, h.V, journalVersion)
	}
	j.Header, j.unsealed = h.JournalHeader, old
	return nil
}

// journalBegin is how the first line of a journal begins.
const journalBegin = `{"type":"journal"`

// beginsJournal says whether a text that a crash cut short may be a journal's first
// line; what is something else must not be written over. A power cut can leave zeros.
func beginsJournal(torn []byte) bool {
	torn = bytes.TrimRight(torn, "\x00")
	return strings.HasPrefix(journalBegin, string(torn)) || bytes.HasPrefix(torn, []byte(journalBegin))
}

func (j *Journal) samePlan(want JournalHeader) error {
	got := j.Header
	other := func(name, then, now string) error {
		return fmt.Errorf("journal %s belongs to another plan: %s was %s then and is %s now", j.path, name, cmp.Or(then, "not given"), cmp.Or(now, "not given"))
	}
	switch {
	case got.Seed != want.Seed:
		return other("the seed", strconv.FormatUint(got.Seed, 10), strconv.FormatUint(want.Seed, 10))
	case !got.Start.Equal(want.Start):
		return other("the start", got.Start.Format(time.RFC3339Nano), want.Start.Format(time.RFC3339Nano))
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

// readLine takes in a line, and says whether it is one that was written so.
func (j *Journal) readLine(line []byte) bool {
	body, ok := sealed(line)
	if !ok && j.unsealed && !bytes.Contains(line, []byte(sealPrefix)) {
		body, ok = bytes.CutSuffix(line, []byte("}"))
	}
	if !ok {
		return false
	}
	if digits, ok := bytes.CutPrefix(body, []byte(startedPrefix)); ok {
		seq, err := strconv.Atoi(string(digits))
		if err != nil || seq < 0 {
			return false
		}
		j.flight[seq] = true
		return true
	}
	var l journalLine
	if err := json.Unmarshal(line, &l); err != nil || l.Seq == nil || *l.Seq < 0 || l.Outcome == "" {
		return false
	}
	// What ended otherwise than accepted was not under way when the run ended.
	delete(j.flight, *l.Seq)
	if l.Outcome == Accepted {
		j.done.add(*l.Seq)
		if l.Sum != nil && sampled(*l.Seq) {
			j.sums[*l.Seq] = *l.Sum
		}
	}
	return true
}

// lineReader reads whole lines and counts their bytes.
type lineReader struct {
	r     *bufio.Reader
	whole int64  // bytes of the lines so far
	torn  []byte // at the end, the line that has none; valid as a line is
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, maxJournalLine)}
}

// next returns the next line without its end, valid until the next call; nil
// when only a torn line is left, or none.
func (l *lineReader) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, errLongLine
	case errors.Is(err, io.EOF):
		l.torn = line
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
