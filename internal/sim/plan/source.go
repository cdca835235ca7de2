package plan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relayctl/fixtures"
	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/input"
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
	Piped        SourceKind = "piped"   // stdin or another pipe, which is read once
)

// Source is one WHAT of the command line, read and checked.
type Source struct {
	Kind     SourceKind
	Name     string    // event or scenario name, or the path as it was given
	Path     string    // the file behind it, "" where there is none
	Scenario *Scenario // of ScenarioFile
	Reader   io.Reader // of Piped, or of a file that is held in memory
}

// Resolve finds out what each argument means: an event name, a built-in scenario, "-" for
// stdin, or a file. A file is read and checked to its end, so that nothing is sent of a
// broken one; of a pipe, which can be read only once, only what comes at once is checked.
// The error for a name that is none of these suggests the nearest of each kind. ctx ends
// reads that wait, also later reads of the plan.
func Resolve(ctx context.Context, args []string, stdin io.Reader) ([]Source, error) {
	if len(args) == 0 {
		args = []string{"journey"}
	}
	var out []Source
	for _, arg := range args {
		if arg == "-" && slices.ContainsFunc(out, func(s Source) bool { return s.Path == "" && s.Kind == Piped }) {
			return nil, errors.New("stdin (-) can be read only once")
		}
		src, err := resolve(ctx, arg, stdin)
		if err != nil {
			return nil, err
		}
		out = append(out, src)
	}
	return out, nil
}

func resolve(ctx context.Context, arg string, stdin io.Reader) (Source, error) {
	if arg == "-" {
		return Source{Kind: Piped, Name: "stdin", Reader: input.NewStream(ctx, stdin).Ahead()}, nil
	}
	if _, ok := event.Lookup(arg); ok {
		return Source{Kind: NamedEvent, Name: arg}, nil
	}
	if text, ok := fixtures.Scenario(arg); ok {
		sc, err := ParseScenario(arg+".yaml", text)
		return Source{Kind: ScenarioFile, Name: arg, Scenario: sc}, err
	}
	src, err := openFile(ctx, arg, false)
	if errors.Is(err, fs.ErrNotExist) {
		if _, linked := os.Lstat(arg); linked == nil {
			return Source{}, err
		}
		return Source{}, unknownWhat(arg)
	}
	return src, err
}

// PatternError says that a pattern of event names stands where one event is named.
type PatternError struct{ Pattern string }

func (e *PatternError) Error() string {
	return fmt.Sprintf("%q is neither an event, a scenario nor a file", e.Pattern)
}

// TableError says that a file holds the records of a campaign where a file of events is
// needed.
type TableError struct{ Path string }

func (e *TableError) Error() string { return e.Path + " holds no events" }

func unknownWhat(arg string) error {
	var near []string
	if n := event.Suggest(arg); n != "" {
		near = append(near, fmt.Sprintf("the event %q", n))
	}
	if strings.Contains(arg, "*") {
		return &PatternError{arg}
	}
	if n := suggest.Nearest(strings.TrimSuffix(arg, ".yaml"), fixtures.ScenarioNames()); n != "" {
		near = append(near, fmt.Sprintf("the scenario %q", n))
	}
	if n := input.Nearest(arg); n != "" {
		near = append(near, fmt.Sprintf("the file %q", n))
	}
	hint := ""
	if len(near) > 0 {
		hint = "; did you mean " + strings.Join(near, " or ") + "?"
	}
	if strings.ContainsAny(arg, `/\`) || fileEnding(arg) {
		return fmt.Errorf("%s: no such file%s", arg, hint)
	}
	if hint == "" {
		hint = "; relayctl events and relayctl scenarios list what there is"
	}
	return fmt.Errorf("%q is neither an event, a scenario nor a file%s", arg, hint)
}

// fileEnding says whether a name ends like that of a file of events.
func fileEnding(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".csv", ".log", ".txt":
		return true
	}
	return false
}

// Item is an event as it stands in a file.
type Item struct {
	Raw    []byte          // the envelope's exact bytes, or a captured body
	Line   int             // where it begins, from 1
	Record *capture.Record // the capture's record, nil for a plain event
}

// ReadItems reads events from JSON Lines, one JSON envelope or array of
// envelopes (however it is laid out), or a capture, in order, with the lines
// they begin on. A byte order mark before them is passed over. Only one event
// stands in memory, and an item's bytes are valid only until the next one is
// asked for. An error ends the items: broken JSON is one with file and line. A
// line of a capture that cannot be read, such as a torn last one, is skipped and
// told to warn.
func ReadItems(name string, r io.Reader, warn func(string)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		next, err := itemsOf(name, r, warn)
		for err == nil {
			var item Item
			if item, err = next(); err != nil {
				break
			}
			if what := capture.Mistaken(item.Raw); what != "" {
				err = &SyntaxError{name, item.Line, what}
				break
			}
			if !yield(item, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(Item{}, err)
		}
	}
}

// itemsOf finds out what r holds and returns what reads it.
func itemsOf(name string, r io.Reader, warn func(string)) (next func() (Item, error), err error) {
	br := bufio.NewReaderSize(r, 64<<10)
	if err := input.SkipMark(br); err != nil {
		return nil, &SyntaxError{name, 1, err.Error()}
	}
	head, _ := br.Peek(64)
	if what := capture.Mistaken(head); what != "" {
		return nil, &SyntaxError{name, 1, what}
	}
	if capture.IsCapture(head) {
		return captureItems(name, br, warn), nil
	}
	return newItemReader(name, br).next, nil
}

func captureItems(name string, r io.Reader, warn func(string)) func() (Item, error) {
	cr := capture.NewReader(r)
	if warn != nil {
		cr.OnProblem = func(p capture.Problem) { warn(fmt.Sprintf("%s:%d: %s", name, p.Line, p.Message)) }
	}
	return func() (Item, error) {
		rec, err := cr.Next()
		if err != nil {
			return Item{}, err
		}
		return Item{Raw: rec.Body, Line: cr.Line(), Record: rec}, nil
	}
}

// laneOf gives the same lane to what has to stay in order: the events of one
// customer, or the copies of an event without a customer.
func laneOf(e event.Envelope) uint64 {
	switch {
	case e.Payload.CCID != "":
		return CustomerLane(e.Payload.CCID)
	case e.Payload.CustomerID != "":
		return CustomerLane(e.Payload.CustomerID)
	}
	return CustomerLane(e.ID)
}

// CustomerLane is the lane of the events of a customer. It is the same in every run, so that
// a plan can be repeated: it is FNV-1a, which hash/fnv would put on the heap for each
// delivery.
func CustomerLane(s string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return h
}
