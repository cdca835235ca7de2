package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/report"
)

// captures are the files of one capture, opened and looked at before anything
// is shown.
type captures struct {
	files   []captureFile
	temps   []string // where what cannot be read twice was put
	records uint64   // read by each
	skipped int      // lines that could not be read
	corrupt int      // those of them that no crash explains
}

type captureFile struct {
	name string
	f    io.ReadCloser
	disk *os.File // nil where it can only be read once
}

// openCaptures opens captures by their paths; - is stdin. One that is missing,
// or is something else, is an error.
func openCaptures(paths []string, stdin io.Reader) (_ *captures, err error) {
	c := &captures{}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for _, path := range paths {
		file := captureFile{name: path}
		if path == "-" {
			file = captureFile{name: "stdin", f: io.NopCloser(stdin)}
		} else {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			file.f = f
			info, err := f.Stat()
			switch {
			case err == nil && info.IsDir():
				_ = f.Close()
				return nil, fmt.Errorf("%s is a folder, not a file", path)
			case err == nil && info.Mode().IsRegular():
				file.disk = f
			}
		}
		br := bufio.NewReaderSize(file.f, 256<<10)
		what := noCapture(br)
		file.f = peeked{br, file.f}
		c.files = append(c.files, file)
		if what != "" {
			return nil, fmt.Errorf("%s is no capture of listen%s", file.name, what)
		}
	}
	return c, nil
}

// noOtherFile keeps a capture from being appended to something else.
func noOtherFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil // it is made, or opening it tells
	}
	f, err := os.Open(path)
	if err != nil {
		return nil // opening it to write tells
	}
	defer f.Close()
	if what := noCapture(bufio.NewReaderSize(f, 256<<10)); what != "" {
		return fmt.Errorf("%s is no capture of listen%s", path, what)
	}
	return nil
}

// peeked reads through the buffer that was looked into.
type peeked struct {
	io.Reader
	io.Closer
}

// noCapture says what a file that is no capture is, "" for a capture. An empty
// file is a capture in which nothing was received yet.
func noCapture(r *bufio.Reader) string {
	// Where the first line is torn, another one tells.
	head, err := r.Peek(4096)
	if errors.Is(err, io.EOF) && len(bytes.Trim(head, "\x00 \t\r\n")) == 0 {
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

// each reads all records, numbered from 1 over all files. Lines that cannot be
// read are told on stderr, the first of them by name.
func (c *captures) each(a *app, use func(n uint64, rec *capture.Record) error) error {
	for _, file := range c.files {
		r := capture.NewReader(file.f)
		r.OnProblem = func(p capture.Problem) {
			c.skipped++
			if p.Level == event.Error {
				c.corrupt++
			}
			if c.skipped <= mostWarnings {
				fmt.Fprintf(a.stderr, "%s: %s:%d: %s\n", p.Level, report.Clean(file.name), p.Line, report.Clean(p.Message))
			}
		}
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return environment(fmt.Errorf("%s: %w", file.name, err))
			}
			c.records++
			if err := use(c.records, rec); err != nil {
				return err
			}
		}
	}
	if n := c.skipped - mostWarnings; n > 0 {
		fmt.Fprintf(a.stderr, "warning: %d more lines were skipped\n", n)
	}
	return nil
}

// mostWarnings bounds how many skipped lines are told one by one.
const mostWarnings = 10

// hint tells of the full files of a rotated capture that were not given.
func (c *captures) hint(a *app) {
	if len(c.files) == 1 && c.files[0].name != "stdin" {
		a.hintRotated("inspect", c.files[0].name)
	}
}

// hintRotated tells of the full files that stand before a file of a capture, if
// there are any, for the command that was given only that one.
func (a *app) hintRotated(command, path string) {
	all, err := capture.Files(path)
	if n := len(all) - 1; err == nil && n > 0 {
		ext := filepath.Ext(path)
		fmt.Fprintf(a.stderr, "hint: the capture was rotated; with what came before (files: %d): relayctl %s %s.*%s %s\n",
			n, command, report.Clean(strings.TrimSuffix(path, ext)), ext, report.Clean(path))
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
			return nil, usageError("there is no request %d: the capture has %d", want, c.records)
		}
	}
	return found, nil
}

// since reads --since.
func (c *captures) since(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d < 0 {
			return time.Time{}, usageError("--since: %s lies after the capture's end", text)
		}
		end, err := c.end()
		return end.Add(-d), environment(err)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usageError("--since: %q is neither a duration such as 10m nor a time such as 2026-01-31T12:00:00Z", text)
}
