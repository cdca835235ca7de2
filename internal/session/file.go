package session

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
)

// File is one of the files of a capture.
type File struct {
	R    io.ReaderAt
	Size int64
}

// Open begins a session that shows a capture of any size: its files in the order in which
// they were written. Requests are read when they are asked for, so memory stays small. A
// request's number is that of its line. A goroutine counts the lines, from the end; ctx
// and Close stop it. Until it has counted all, the newest requests can be read already
// (Stats.Counting), and Place shows their numbers. The caller closes the files after the
// session.
func Open(ctx context.Context, cfg Config, files []File) (*Session, error) {
	s := New(cfg)
	ctx, stop := context.WithCancel(ctx)
	s.file = &file{files: files, stop: stop, counted: make(chan struct{})}
	go func() {
		err := s.file.count(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.file.end(err)
		s.cleared++ // the numbers have changed
		s.tellNews()
	}()
	select {
	case <-s.file.counted:
		if err := s.file.err; err != nil {
			stop()
			return nil, err
		}
	case <-time.After(countsAtOnce):
	}
	return s, nil
}

const (
	// countsAtOnce is how long Open waits for the count, which is enough for a gigabyte.
	countsAtOnce = 250 * time.Millisecond
	// blockSize is how much of a file is read at once, to a line's beginning.
	blockSize = 256 << 10
	// mostBlock bounds a block. A larger one would hold a line that is longer than any
	// record.
	mostBlock = 64<<20 + 2*blockSize
	// uncounted is the number of the last line as long as the lines before it are not
	// counted. JavaScript still counts exactly with it.
	uncounted = 1 << 52
)

// fromEnd says whether a number counts from the end. Such a number stays valid after
// the lines were counted.
func fromEnd(number uint64) bool { return number > uncounted/2 }

// file reads requests of a capture. It is safe for concurrent use.
type file struct {
	files   []File
	stop    context.CancelFunc
	counted chan struct{} // closed when there are no more blocks to come
	err     error         // why they are not all; set before counted is closed

	mu     sync.Mutex
	blocks []block       // the end of the capture first
	more   chan struct{} // closed with the next block; nil while nobody waits
}

// block is a part of a file that begins with a line.
type block struct {
	file   int
	offset int64
	size   int64
	lines  uint64 // of the capture, from this block's first one to the end
}

// count notes where blocks begin, from the end to the beginning.
func (f *file) count(ctx context.Context) error {
	buf := make([]byte, 16*blockSize)
	for n, one := range slices.Backward(f.files) {
		end, lines := one.Size, uint64(0) // of the block that is being made
		for at := one.Size; at > 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			chunk := buf[:min(int64(len(buf)), at)]
			if got, err := one.R.ReadAt(chunk, at-int64(len(chunk))); got < len(chunk) {
				return cmp.Or(err, io.ErrUnexpectedEOF)
			}
			if at == one.Size && chunk[len(chunk)-1] != '\n' {
				lines++ // the last line is cut short
			}
			for len(chunk) > 0 {
				part := chunk[max(0, len(chunk)-blockSize):]
				chunk = chunk[:len(chunk)-len(part)]
				at -= int64(len(part))
				lines += uint64(bytes.Count(part, []byte{'\n'}))
				first := bytes.IndexByte(part, '\n')
				if begin := at + int64(first) + 1; first >= 0 && end-begin >= blockSize/2 {
					f.add(block{n, begin, end - begin, lines - 1})
					end, lines = begin, 1
				}
			}
		}
		if end > 0 {
			f.add(block{n, 0, end, lines})
		}
	}
	return nil
}

// add takes a block, with its own lines, and wakes those who wait for one.
func (f *file) add(b block) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b.lines += f.lines()
	f.blocks = append(f.blocks, b)
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// lines is how many there are so far. The lock is held.
func (f *file) lines() uint64 {
	if len(f.blocks) == 0 {
		return 0
	}
	return f.blocks[len(f.blocks)-1].lines
}

func (f *file) end(err error) {
	f.err = err
	close(f.counted)
}

// counts is how many lines there are so far, and whether these are all.
func (f *file) counts() (lines uint64, all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.counted:
		return f.lines(), true
	default:
		return f.lines(), false
	}
}

// wait returns when all lines are counted, with the error of that, or ctx's.
func (f *file) wait(ctx context.Context) error {
	select {
	case <-f.counted:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newest is the number of the last line.
func (f *file) newest() uint64 {
	if lines, all := f.counts(); all {
		return lines
	}
	return uncounted
}

// number brings a number that counts from the end to that of the line, once it is known.
func (f *file) number(n uint64) uint64 {
	if lines, all := f.counts(); all && fromEnd(n) {
		return n + lines - uncounted
	}
	return n
}

// align makes sure that the bounds of a query count from the same end.
func (f *file) align(ctx context.Context, q *Query) error {
	line := func(n uint64) bool { return n > 0 && !fromEnd(n) }
	if !line(q.After) && !line(q.Before) && (!q.Oldest || q.After > 0) {
		return nil
	}
	err := f.wait(ctx)
	q.After, q.Before = f.number(q.After), f.number(q.Before)
	return err
}

// block returns the nth from the end; ok is false where the capture begins before.
func (f *file) block(ctx context.Context, n int) (b block, before uint64, ok bool, err error) {
	for {
		f.mu.Lock()
		if n < len(f.blocks) {
			if n > 0 {
				before = f.blocks[n-1].lines
			}
			b = f.blocks[n]
			f.mu.Unlock()
			return b, before, true, nil
		}
		if f.more == nil {
			f.more = make(chan struct{})
		}
		more := f.more
		f.mu.Unlock()
		select {
		case <-more:
			continue
		case <-ctx.Done():
			return b, 0, false, ctx.Err()
		case <-f.counted:
		}
		if f.mu.Lock(); n >= len(f.blocks) {
			f.mu.Unlock()
			return b, 0, false, f.err
		}
		f.mu.Unlock()
	}
}

// find returns the index, from the end, of the block with a line that is so many lines
// from the end of the capture, itself included. If the capture has fewer lines, it returns
// the first block of the capture.
func (f *file) find(ctx context.Context, lines uint64) (int, error) {
	for {
		f.mu.Lock()
		n, _ := slices.BinarySearchFunc(f.blocks, lines, func(b block, l uint64) int { return cmp.Compare(b.lines, l) })
		found := n < len(f.blocks)
		f.mu.Unlock()
		if found {
			return n, nil
		}
		if _, _, ok, err := f.block(ctx, n); err != nil || !ok {
			return n - 1, err
		}
	}
}

// walk visits the requests from a number on, downwards or up, until visit says false.
// Their numbers count from the same end as that one. Lines that are not records are
// passed over.
func (f *file) walk(ctx context.Context, from uint64, up bool, visit func(*Request) bool) error {
	last := uint64(uncounted)
	if !fromEnd(from) {
		if err := f.wait(ctx); err != nil {
			return err
		}
		last = f.newest()
	}
	from = min(from, last)
	n, err := f.find(ctx, last+1-from)
	step := 1
	if up {
		step = -1
	}
	var text []byte
	for ; err == nil && n >= 0; n += step {
		if err = ctx.Err(); err != nil {
			break
		}
		b, before, ok, berr := f.block(ctx, n)
		if berr != nil || !ok {
			return berr
		}
		if text, err = f.read(text, b); err != nil || !visitLines(text, last+1-b.lines, last-before, from, up, visit) {
			break
		}
	}
	return err
}

// read reads a block into a buffer. One that is too large is left out.
func (f *file) read(text []byte, b block) ([]byte, error) {
	if b.size > mostBlock {
		return text[:0], nil
	}
	text = slices.Grow(text[:0], int(b.size))[:b.size]
	if n, err := f.files[b.file].R.ReadAt(text, b.offset); n < len(text) {
		return nil, cmp.Or(err, io.ErrUnexpectedEOF)
	}
	return text, nil
}

// visitLines visits the lines of a block, which are numbered first to last, from a
// number on. It returns false when visit did.
func visitLines(text []byte, first, last, from uint64, up bool, visit func(*Request) bool) bool {
	if len(text) == 0 {
		return true
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'})
	number := min(from, last)
	if up {
		number = max(from, first)
	}
	for ; number >= first && number <= last; number = next(number, up) {
		if r := requestOf(lines[number-first], number); r != nil && !visit(r) {
			return false
		}
	}
	return true
}

func next(number uint64, up bool) uint64 {
	if up {
		return number + 1
	}
	return number - 1
}

// requestOf reads a line; nil where it is not a record.
func requestOf(line []byte, number uint64) *Request {
	line = bytes.Trim(line, "\x00 \t\r\n")
	rec, err := capture.Parse(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
	if err != nil {
		return nil
	}
	return &Request{Number: number, Exchange: judge.Exchange{Record: rec, Receipts: judge.Recorded(rec, number)}}
}

// Number is the number of a request as far as it is known by now: that of its line, once
// the lines of a capture are counted.
func (s *Session) Number(n uint64) uint64 {
	if s.file == nil {
		return n
	}
	return s.file.number(n)
}

// Place is how a number is shown: "#17", or "#-17" for the 17th from the end as long as
// the lines of a capture are not counted.
func (s *Session) Place(n uint64) string {
	if n = s.Number(n); fromEnd(n) {
		return "#-" + strconv.FormatUint(uncounted+1-n, 10)
	}
	return "#" + strconv.FormatUint(n, 10)
}

// close ends the count, and waits for its end.
func (f *file) close() {
	f.stop()
	<-f.counted
}
