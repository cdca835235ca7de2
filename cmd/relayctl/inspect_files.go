package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/input"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
)

// captures are the files of one capture, opened and looked at before anything
// is shown.
type captures struct {
	files   []captureFile
	temps   []string // where what cannot be read twice was put
	empty   []string // names of those without any line
	records uint64   // read by each
	skipped int      // lines that could not be read
	corrupt int      // those of them that no crash explains
}

type captureFile struct {
	name string
	f    io.ReadCloser
	disk *os.File // nil where it can only be read once
}

// openCaptures opens captures by their paths; - is stdin. It fails if a file is missing or
// is not a capture, and if all of them are empty. One of several may be empty: after a
// rotation a file has just begun. ctx ends reads that wait.
func openCaptures(ctx context.Context, paths []string, stdin io.Reader) (_ *captures, err error) {
	c := &captures{}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for _, path := range paths {
		file := captureFile{name: path}
		if path == "-" {
			file = captureFile{name: "stdin", f: input.NewStream(ctx, stdin)}
		} else {
			if file.f, err = input.Open(ctx, path); err != nil {
				return nil, err
			}
			file.disk, _ = file.f.(*os.File)
		}
		br := bufio.NewReaderSize(file.f, 256<<10)
		what := noCapture(br)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		file.f = peeked{br, file.f}
		c.files = append(c.files, file)
		if what != "" {
			return nil, fmt.Errorf("%s is not a capture of listen%s", file.name, what)
		}
		if isEmpty(br) {
			c.empty = append(c.empty, file.name)
		}
	}
	if len(c.empty) == len(c.files) {
		return nil, holdsNothing(c.empty...)
	}
	return c, nil
}

// holdsNothing says that files are empty, as all commands do.
func holdsNothing(names ...string) error {
	if len(names) == 1 {
		return fmt.Errorf("%s holds no events", names[0])
	}
	return fmt.Errorf("%s hold no events", strings.Join(names, ", "))
}

// isEmpty says whether a file has nothing but white space and zeros.
func isEmpty(r *bufio.Reader) bool {
	head, err := r.Peek(4096)
	return errors.Is(err, io.EOF) && len(bytes.Trim(head, "\x00 \t\r\n")) == 0
}

// noOtherFile keeps a capture from being appended to something else.
func noOtherFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil // opening it to write creates it, or reports the error
	}
	f, err := os.Open(path)
	if err != nil {
		return nil // opening it to write reports the error
	}
	defer f.Close()
	if what := noCapture(bufio.NewReaderSize(f, 256<<10)); what != "" {
		return fmt.Errorf("%s is not a capture of listen%s", path, what)
	}
	return nil
}

// peeked reads through the buffer that was looked into.
type peeked struct {
	io.Reader
	io.Closer
}

// noCapture says what a file is that is not a capture, "" for a capture. An empty
// file is a capture in which nothing was received yet.
func noCapture(r *bufio.Reader) string {
	// Where the first line is cut short, another one decides.
	head, _ := r.Peek(4096)
	if isEmpty(r) {
		return ""
	}
	if capture.IsCapture(head) || bytes.HasPrefix([]byte(`{"v":`), bytes.TrimRight(head, "\r\n")) { // or torn at once
		return ""
	}
	if what := capture.Mistaken(head); what != "" {
		return ": " + what
	}
	head, _ = r.Peek(256 << 10)
	for line := range bytes.Lines(head) {
		if _, err := capture.Parse(bytes.TrimSpace(line)); err == nil || capture.IsCapture(line) {
			return ""
		}
	}
	if env, _ := event.Decode(firstLine(head)); env.ID != "" || env.Name != "" {
		return ": it holds events, which \"relayctl validate\" lints"
	}
	return ": none of its lines is a record"
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return line
}

func (c *captures) close() {
	for _, file := range c.files {
		_ = file.f.Close() // it was only read
	}
	for _, path := range c.temps {
		_ = os.Remove(path) // it is among the temporary files
	}
}

func (c *captures) names() []string {
	names := make([]string, len(c.files))
	for i, file := range c.files {
		names[i] = file.name
	}
	return names
}

// each reads all records in the order of their arrival, and numbers them from 1 over
// all files: the parts of a rotated capture follow each other, and those of several
// listeners run side by side. Records of one file keep their order. Lines that
// cannot be read are reported on stderr, the first ones each with its place.
func (c *captures) each(a *app, use func(n uint64, rec *capture.Record) error) error {
	var readers []*capture.Reader
	for _, file := range c.files {
		r := capture.NewReader(file.f)
		r.OnProblem = func(p capture.Problem) { c.problem(a, file.name, p) }
		readers = append(readers, r)
	}
	heads := make([]*capture.Record, len(readers))
	read := func(i int) (err error) {
		if heads[i], err = readers[i].Next(); errors.Is(err, io.EOF) {
			heads[i], err = nil, nil
		}
		if err != nil {
			err = environment(fmt.Errorf("%s: %w", c.files[i].name, err))
		}
		return err
	}
	for i := range readers {
		if err := read(i); err != nil {
			return err
		}
	}
	several, err := c.severalListeners(heads)
	if err != nil {
		return err
	}
	for {
		first := -1
		for i, rec := range heads {
			if rec != nil && (first < 0 || rec.ReceivedAt.Before(heads[first].ReceivedAt)) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		c.records++
		if several {
			judge.ForgetOrder(heads[first])
		}
		if err := use(c.records, heads[first]); err != nil {
			return err
		}
		if err := read(first); err != nil {
			return err
		}
	}
	if n := c.skipped - mostWarnings; n > 0 {
		a.warn("%d more lines were skipped", n)
	}
	return nil
}

// summary counts all records, as inspect does; what was put where it can be read twice
// (see keep) is read apart from other readers. Lines that cannot be read are passed over.
func (c *captures) summary(ctx context.Context) (judge.Summary, error) {
	in, _, err := c.inspection(ctx)
	if err != nil {
		return judge.Summary{}, err
	}
	return in.Summary, nil
}

// inspection judges the files as a whole, as they are on disk, and returns what was read.
func (c *captures) inspection(ctx context.Context) (*judge.Inspection, *captures, error) {
	whole := &captures{}
	for _, file := range c.files {
		info, err := file.disk.Stat()
		if err != nil {
			return nil, nil, err
		}
		whole.files = append(whole.files, captureFile{file.name, io.NopCloser(io.NewSectionReader(file.disk, 0, info.Size())), file.disk})
	}
	in, nobody := judge.NewInspection(capture.Filter{}), term.NewScreen(io.Discard)
	err := whole.each(&app{errors: nobody, stderr: nobody}, func(_ uint64, rec *capture.Record) error {
		in.Add(rec)
		return ctx.Err()
	})
	return in, whole, err
}

// severalListeners says whether files were written at the same time, by listeners
// that knew nothing of each other. heads are their first records. A file that can
// only be read once is taken for the only one of its time.
func (c *captures) severalListeners(heads []*capture.Record) (bool, error) {
	for i, file := range c.files {
		if file.disk == nil || heads[i] == nil || len(c.files) == 1 {
			continue
		}
		info, err := file.disk.Stat()
		if err != nil {
			return false, environment(err)
		}
		last, err := capture.LastReceived(file.disk, info.Size())
		if err != nil {
			return false, environment(fmt.Errorf("%s: %w", file.name, err))
		}
		rotated, _ := capture.Files(file.name)
		for j, other := range heads {
			if j == i || other == nil || slices.Contains(rotated, c.files[j].name) {
				continue
			}
			if !other.ReceivedAt.Before(heads[i].ReceivedAt) && other.ReceivedAt.Before(last) {
				return true, nil
			}
		}
	}
	return false, nil
}

// problem counts and reports a line that was skipped.
func (c *captures) problem(a *app, file string, p capture.Problem) {
	c.skipped++
	to := a.stderr
	if p.Level == event.Error {
		c.corrupt++
		to = a.errors
	}
	if c.skipped <= mostWarnings {
		fmt.Fprintf(to, "%s: %s:%d: %s\n", p.Level, term.Clean(file), p.Line, term.Clean(p.Message))
	}
}

// mostWarnings is how many skipped lines are reported one by one.
const mostWarnings = 10

// hint names the full files of a rotated capture that were not given.
func (c *captures) hint(a *app) {
	if len(c.files) == 1 && c.files[0].name != "stdin" {
		a.hintRotated("inspect", c.files[0].name)
	}
}

// hintRotated prints the command that also reads the full files before a file of
// a capture, if there are any.
func (a *app) hintRotated(command, path string) {
	all, err := capture.Files(path)
	if n := len(all) - 1; err == nil && n > 0 {
		ext := filepath.Ext(path)
		a.hint("the capture was rotated; with what came before (files: %d): relayctl %s %s.*%s %s",
			n, command, term.Clean(strings.TrimSuffix(path, ext)), ext, term.Clean(path))
	}
}

// end is when the capture's last record was received.
func (c *captures) end() (time.Time, error) {
	var end time.Time
	for i := range c.files {
		file := &c.files[i]
		if err := c.keep(file); err != nil {
			return end, err
		}
		info, err := file.disk.Stat()
		if err != nil {
			return end, err
		}
		last, err := capture.LastReceived(file.disk, info.Size())
		if err != nil {
			return end, fmt.Errorf("%s: %w", file.name, err)
		}
		if last.After(end) {
			end = last
		}
	}
	return end, nil
}

// keep puts what can only be read once, such as stdin, into a temporary file.
func (c *captures) keep(file *captureFile) error {
	if file.disk != nil {
		return nil
	}
	temp, err := os.CreateTemp("", "relayctl-*.jsonl")
	if err != nil {
		return err
	}
	c.temps = append(c.temps, temp.Name())
	if _, err := io.Copy(temp, file.f); err != nil {
		return errors.Join(err, temp.Close())
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return errors.Join(err, temp.Close())
	}
	_ = file.f.Close() // it was only read
	file.f, file.disk = temp, temp
	return nil
}

var errFound = errors.New("found")

// pick reads the records of those numbers.
func (c *captures) pick(a *app, numbers ...uint64) (map[uint64]*capture.Record, error) {
	found := map[uint64]*capture.Record{}
	err := c.each(a, func(n uint64, rec *capture.Record) error {
		for _, want := range numbers {
			if n == want {
				found[n] = rec.Clone()
			}
		}
		if len(found) == len(numbers) {
			return errFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return nil, err
	}
	for _, want := range numbers {
		if found[want] == nil {
			return nil, noRequest(want, c.records)
		}
	}
	return found, nil
}
