package sim

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relayctl/fixtures"
	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/suggest"
)

// SourceKind says what a WHAT of the command line turned out to be.
type SourceKind string

// The kinds of sources.
const (
	NamedEvent   SourceKind = "event"
	ScenarioFile SourceKind = "scenario"
	EventFile    SourceKind = "events"  // a JSON envelope, an array of them, or JSON Lines
	CaptureFile  SourceKind = "capture" // what listen --capture wrote
	Stdin        SourceKind = "stdin"   // JSON Lines
)

// Source is one WHAT of the command line, read and checked.
type Source struct {
	Kind     SourceKind
	Name     string    // event or scenario name, or the path as it was given
	Path     string    // the file behind it, "" where there is none
	Scenario *Scenario // of ScenarioFile
	Reader   io.Reader // of Stdin, or of a file that is held in memory
}

// ResolveWhat finds out what each argument means: an event name, a built-in
// scenario, "-" for stdin, or a file, which is read and checked to its end so
// that nothing is sent of a broken one. The error for a name that is none of
// these names the nearest of each kind.
func ResolveWhat(args []string, stdin io.Reader) ([]Source, error) {
	if len(args) == 0 {
		args = []string{"journey"}
	}
	var out []Source
	for _, arg := range args {
		if arg == "-" && slices.ContainsFunc(out, func(s Source) bool { return s.Kind == Stdin }) {
			return nil, errors.New("stdin (-) can be read only once")
		}
		src, err := resolve(arg, stdin)
		if err != nil {
			return nil, err
		}
		out = append(out, src)
	}
	return out, nil
}

func resolve(arg string, stdin io.Reader) (Source, error) {
	if arg == "-" {
		return Source{Kind: Stdin, Name: "stdin", Reader: stdin}, nil
	}
	if _, ok := event.Lookup(arg); ok {
		return Source{Kind: NamedEvent, Name: arg}, nil
	}
	if text, ok := fixtures.Scenario(arg); ok {
		sc, err := ParseScenario(arg+".yaml", text)
		return Source{Kind: ScenarioFile, Name: arg, Scenario: sc}, err
	}
	info, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(arg); err == nil {
			return Source{}, fmt.Errorf("%s is a link to a file that is not there", arg)
		}
		return Source{}, unknownWhat(arg)
	case err != nil:
		return Source{}, err
	case info.IsDir():
		return Source{}, fmt.Errorf("%s is a folder, not a file", arg)
	}
	return openFile(arg)
}

func unknownWhat(arg string) error {
	var near []string
	if n := event.Suggest(arg); n != "" {
		near = append(near, fmt.Sprintf("the event %q", n))
	}
	if strings.Contains(arg, "*") {
		return fmt.Errorf("%q is neither an event, a scenario nor a file; --events takes patterns", arg)
	}
	if n := suggest.Nearest(strings.TrimSuffix(arg, ".yaml"), fixtures.ScenarioNames()); n != "" {
		near = append(near, fmt.Sprintf("the scenario %q", n))
	}
	dir, base := filepath.Split(arg)
	if entries, err := os.ReadDir(filepath.Clean("./" + dir)); err == nil && !filepath.IsAbs(arg) {
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if n := suggest.Nearest(base, names); n != "" {
			near = append(near, fmt.Sprintf("the file %q", dir+n))
		}
	}
	hint := ""
	if len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("%q is neither an event, a scenario nor a file%s", arg, hint)
}

// openFile sniffs a file's kind by its content and checks it whole.
func openFile(path string) (Source, error) {
	if IsScenarioFile(path) {
		data, err := os.ReadFile(path)
		if err != nil {
			return Source{}, err
		}
		sc, err := ParseScenario(path, data)
		return Source{Kind: ScenarioFile, Name: path, Path: path, Scenario: sc}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Source{}, err
	}
	defer f.Close()
	kind, err := sniff(path, f)
	if err != nil && strings.EqualFold(filepath.Ext(path), ".csv") {
		return Source{}, fmt.Errorf("%s holds no events; --csv %s makes a campaign of its rows", path, path)
	}
	return Source{Kind: kind, Name: path, Path: path}, err
}

// FileItem is an event as it stands in a file.
type FileItem struct {
	Raw    []byte          // the envelope's exact bytes, or a captured body
	Line   int             // where it begins, from 1
	Record *capture.Record // the capture's record, nil for a plain event
}

func readFile(path string, warn func(string), yield func(FileItem) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return ReadItems(path, f, warn, yield)
}

// ReadItems reads events from JSON Lines, one JSON envelope or array of
// envelopes (however it is laid out), or a capture, and yields them in order
// with the lines they begin on. A byte order mark before them is passed over.
// Only one event stands in memory, and an item's bytes are valid only until yield
// returns. Broken JSON is an error with file
// and line; a line of a capture that cannot be read, such as a torn last one,
// is skipped and told to warn. An error of yield ends the reading.
func ReadItems(name string, r io.Reader, warn func(string), yield func(FileItem) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	if err := skipMark(br); err != nil {
		return &SyntaxError{name, 1, err.Error()}
	}
	head, _ := br.Peek(64)
	if what := capture.Mistaken(head); what != "" {
		return &SyntaxError{name, 1, what}
	}
	next := newItemReader(name, br).next
	if capture.IsCapture(head) {
		next = captureItems(name, br, warn)
	}
	for {
		item, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if what := capture.Mistaken(item.Raw); what != "" {
			return &SyntaxError{name, item.Line, what}
		}
		if err := yield(item); err != nil {
			return err
		}
	}
}

// errUTF16 is what some shells and spreadsheets write unasked.
var errUTF16 = errors.New("the text is UTF-16; save it as UTF-8")

// skipMark passes over the byte order mark that some editors put before UTF-8,
// and refuses that of UTF-16.
func skipMark(r *bufio.Reader) error {
	head, _ := r.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\uFEFF")):
		_, err := r.Discard(len(head))
		return err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return errUTF16
	}
	return nil
}

func captureItems(name string, r io.Reader, warn func(string)) func() (FileItem, error) {
	cr := capture.NewReader(r)
	cr.Warn = func(line int, reason string) {
		if warn != nil {
			warn(fmt.Sprintf("%s:%d: %s", name, line, reason))
		}
	}
	return func() (FileItem, error) {
		rec, err := cr.Next()
		if err != nil {
			return FileItem{}, err
		}
		return FileItem{Raw: rec.Body, Line: cr.Line(), Record: rec}, nil
	}
}

// laneOf gives what has to stay in order the same lane: a customer's events,
// or else an event's copies.
func laneOf(e event.Envelope) uint64 {
	switch {
	case e.Payload.CCID != "":
		return laneHash(e.Payload.CCID)
	case e.Payload.CustomerID != "":
		return laneHash(e.Payload.CustomerID)
	}
	return laneHash(e.ID)
}

// laneHash is the same in every run, so that a plan can be repeated.
func laneHash(s string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s) // a hash takes everything
	return h.Sum64()
}
