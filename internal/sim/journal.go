package sim

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JournalHeader says which plan a journal belongs to. The same seed, start and arguments
// give the same plan.
type JournalHeader struct {
	Seed  uint64    `json:"seed"`
	Start time.Time `json:"start"`
	// Args are the arguments that make the plan, under the names by which a user
	// knows them. They must hold no secret.
	Args map[string]string `json:"args,omitempty"`
}

// JournalError says that a journal could not be written. Run ends with it: what is at
// fault is the disk, not the plan.
type JournalError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *JournalError) Error() string { return fmt.Sprintf("journal %s: %v", e.Path, e.Err) }

// Unwrap gives the cause.
func (e *JournalError) Unwrap() error { return e.Err }

// Journal notes on disk what came of every delivery, so that a run that was killed can be
// continued. It is a file of JSON Lines: a header, then a line when a delivery begins and
// one when it has ended.
//
// A worker begins its next delivery only when the end of its last one is in the file. So
// kill -9 can lose only the ends of the deliveries under way, one for each worker, and
// their beginnings are in the file. A call that the user broke off stays under way,
// because it may have been accepted. The lines are not forced to the disk: after a power
// cut the last ones may be missing, and what they note is sent again. Each line carries a
// checksum, because a damaged line could make a continued run leave a delivery out.
//
// A journal serves one Run at a time and keeps about two bits for each delivery of the run
// that it continues.
type Journal struct {
	path   string
	Header JournalHeader
	Mask   func(string) string // what the ids of events pass before they are written, nil for nothing
	done   seqSet              // accepted by earlier runs
	sums   map[int]uint32      // of some of the accepted bodies
	// unsealed says that the earlier run's lines have no checksum.
	unsealed bool
	flight   map[int]bool // begun and not ended by an earlier run
	nextSeq  int          // one more than the last delivery that the plan gave

	mu   sync.Mutex
	file *os.File
	err  error // the first failed write
}

// sampleEvery says of which deliveries the checksum of the body is kept: of the first
// ones, and then of every 64th. They show when a continued run has another plan.
const sampleEvery = 64

func sampled(seq int) bool { return seq < sampleEvery || seq%sampleEvery == 0 }

// OpenJournal begins a journal at path. With resume it continues the one that is there, if
// any. It fails if another process writes the journal, if it belongs to another plan, or
// if it is damaged (*JournalDamage); without resume also if it holds an earlier run
// (*JournalUsed). The caller closes it.
func OpenJournal(path string, header JournalHeader, resume bool) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	header.Start = header.Start.Round(0).UTC()
	j := &Journal{path: path, Header: header, file: file, sums: map[int]uint32{}, flight: map[int]bool{}}
	if err := j.begin(resume); err != nil {
		file.Close()
		return nil, err
	}
	return j, nil
}

func (j *Journal) begin(resume bool) error {
	if err := lockFile(j.file); err != nil {
		return err
	}
	info, err := j.file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return notRegular(j.path)
	case info.Size() > 0 && !resume:
		if _, _, err := ReadJournalHeader(j.path); err != nil {
			return err
		}
		return &JournalUsed{j.path}
	case info.Size() > 0:
		good, err := j.read(j.file)
		if err != nil {
			return err
		}
		if good > 0 {
			// A torn last line must not run into the next one.
			return j.file.Truncate(good)
		}
		if _, _, err := ReadJournalHeader(j.path); err != nil {
			return err
		}
		if err := j.file.Truncate(0); err != nil {
			return err
		}
	}
	line, err := json.Marshal(&journalLine{Type: "journal", V: journalVersion, JournalHeader: j.Header})
	if err != nil {
		return err
	}
	return j.write(seal(line[:len(line)-1], 0))
}

// ReadJournalHeader tells which plan the journal at path belongs to. ok is false when
// there is no journal yet, or only the torn beginning of one. The error says that the file
// cannot be read, is not a journal, or is damaged.
func ReadJournalHeader(path string) (h JournalHeader, ok bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, false, nil
	case err != nil:
		return h, false, err
	case !info.Mode().IsRegular(): // opening a FIFO would wait for its writer
		return h, false, notRegular(path)
	}
	file, err := os.Open(path)
	if err != nil {
		return h, false, err
	}
	defer file.Close()
	j := &Journal{path: path}
	lines := newLineReader(file)
	line, err := lines.next()
	switch {
	case errors.Is(err, errLongLine):
		return h, false, notJournal(path)
	case err != nil:
		return h, false, err
	case line == nil && !beginsJournal(lines.torn):
		return h, false, notJournal(path)
	case line == nil:
		return h, false, nil
	}
	err = j.readHeader(line)
	return j.Header, err == nil, err
}

// past is what a journal knows of a delivery from earlier runs.
type past int

const (
	unsent    past = iota // or it ended without being accepted
	underWay              // it had begun when an earlier run was killed
	delivered             // it was accepted
)

// past looks up a delivery in the earlier runs. It fails if another delivery was accepted
// in its place. A nil journal knows of none.
func (j *Journal) past(d *plan.Delivery) (past, error) {
	if j == nil {
		return unsent, nil
	}
	j.nextSeq = d.Seq + 1
	switch sum, ok := j.sums[d.Seq]; {
	case j.flight[d.Seq]:
		return underWay, nil
	case !j.done.has(d.Seq):
		return unsent, nil
	case ok && sum != checksum(d.Body):
		return unsent, fmt.Errorf("journal %s belongs to another plan: delivery %d has other bytes than the one that was accepted", j.path, d.Seq)
	}
	return delivered, nil
}

// wholePlan fails if the plan has fewer deliveries than earlier runs had accepted: it is
// then another plan.
func (j *Journal) wholePlan() error {
	if j == nil || j.done.n == 0 || j.done.max < j.nextSeq {
		return nil
	}
	return fmt.Errorf("journal %s belongs to another plan: delivery %d was accepted, and this plan has only %d", j.path, j.done.max, j.nextSeq)
}

// Accepted is how many deliveries earlier runs had accepted.
func (j *Journal) Accepted() int { return j.done.n }

// Close forces the journal to the disk and closes it. It returns the first
// error of all the writing. Closing a nil journal does nothing.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	synced := j.file.Sync()
	unlockFile(j.file)
	if err := cmp.Or(j.err, synced, j.file.Close()); err != nil {
		return &JournalError{j.path, err}
	}
	return nil
}

// write appends whole lines. After a failure nothing is written any more, for
// it would follow half a line.
func (j *Journal) write(lines []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		_, j.err = j.file.Write(lines)
	}
	if j.err != nil {
		return &JournalError{j.path, j.err}
	}
	return nil
}

// noted is what the journal keeps of a delivery's end.
type noted struct {
	seq      int
	id       string // of the first event
	events   int
	kind     OutcomeKind
	attempts int
	status   int
	failure  wire.Failure
	sum      uint32
}

func note(o *Outcome) noted {
	n := noted{seq: o.Delivery.Seq, events: len(o.Delivery.Events), kind: o.Kind, attempts: o.Attempts, status: o.Status, failure: o.Failure}
	if n.events > 0 {
		n.id = o.Delivery.Events[0].ID
	}
	if n.kind == Accepted && sampled(n.seq) {
		n.sum = checksum(o.Delivery.Body)
	}
	return n
}

func checksum(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

// noter writes one worker's lines: the end of a delivery together with the
// beginning of the next. Without a journal it does nothing.
type noter struct {
	journal *Journal
	buf     []byte
}

// begins notes that a delivery begins; when it returns, everything noted so
// far is in the file.
func (n *noter) begins(seq int) error {
	if n.journal == nil {
		return nil
	}
	from := len(n.buf)
	n.buf = append(n.buf, startedPrefix...)
	n.buf = strconv.AppendInt(n.buf, int64(seq), 10)
	n.buf = seal(n.buf, from)
	return n.flush()
}

// ends notes how a delivery ended.
func (n *noter) ends(e noted) {
	if n.journal == nil || e.failure == wire.Interrupted {
		return
	}
	from := len(n.buf)
	b := append(n.buf, `{"seq":`...)
	b = strconv.AppendInt(b, int64(e.seq), 10)
	b = append(b, `,"outcome":"`...)
	b = append(b, e.kind...)
	b = append(b, `","event_id":`...)
	if n.journal.Mask != nil {
		e.id = n.journal.Mask(e.id)
	}
	// It could only fail for invalid UTF-8, which was replaced.
	b, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(e.id, "\uFFFD"))
	if e.events > 1 {
		b = append(b, `,"events":`...)
		b = strconv.AppendInt(b, int64(e.events), 10)
	}
	b = append(b, `,"attempts":`...)
	b = strconv.AppendInt(b, int64(e.attempts), 10)
	if e.status != 0 {
		b = append(b, `,"status":`...)
		b = strconv.AppendInt(b, int64(e.status), 10)
	}
	if e.failure != wire.NoFailure {
		b = append(b, `,"error":"`...)
		b = append(b, e.failure...)
		b = append(b, '"')
	}
	if e.kind == Accepted && sampled(e.seq) {
		b = append(b, `,"sum":`...)
		b = strconv.AppendUint(b, uint64(e.sum), 10)
	}
	n.buf = seal(b, from)
}

// flush writes what was noted.
func (n *noter) flush() error {
	if len(n.buf) == 0 {
		return nil
	}
	defer func() { n.buf = n.buf[:0] }()
	return n.journal.write(n.buf)
}
