package plan

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"relayctl/internal/input"
	"relayctl/internal/strictyaml"
)

// maxLoaded bounds a file that is held in memory.
const maxLoaded = 64 << 20

// Load reads and checks a file as Resolve does, a pipe too, and holds its content, so that
// later changes of the file change nothing. The source can be planned again and again, but
// not twice at once. The error says what is wrong with the file.
func Load(ctx context.Context, path string) (Source, error) { return openFile(ctx, path, true) }

// openFile finds out a file's kind by its name and content, and checks it whole.
func openFile(ctx context.Context, path string, hold bool) (Source, error) {
	src := Source{Kind: ScenarioFile, Name: path, Path: path}
	f, err := input.Open(ctx, path)
	if err != nil {
		return src, err
	}
	defer f.Close()
	r := io.Reader(f)
	stream, isStream := f.(*input.Stream)
	switch {
	case IsScenarioFile(path):
		data, err := input.ReadAll(path, f, strictyaml.MaxSize)
		if err == nil {
			src.Scenario, err = ParseScenario(path, data)
		}
		return src, err
	case hold:
		data, err := input.ReadAll(path, f, maxLoaded)
		if err != nil {
			return src, err
		}
		r, src.Reader = bytes.NewReader(data), bytes.NewReader(data)
	case isStream:
		src.Kind, src.Reader = Piped, stream.Ahead()
		return src, ctx.Err()
	}
	src.Kind, err = sniff(path, r)
	if err != nil && strings.EqualFold(filepath.Ext(path), ".csv") {
		err = &TableError{path}
	}
	return src, err
}

// items reads a source's events from the beginning.
func (s Source) items(warn func(string)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		r := s.Reader
		if r == nil {
			f, err := os.Open(s.Path)
			if err != nil {
				yield(Item{}, err)
				return
			}
			defer f.Close()
			r = f
		} else if err := rewind(r); err != nil {
			yield(Item{}, err)
			return
		}
		ReadItems(s.Name, r, warn)(yield)
	}
}

// IsScenarioFile says whether a path is taken for a scenario by its ending.
func IsScenarioFile(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yaml" || ext == ".yml"
}

// sniff reads events to the end and says what they are.
func sniff(path string, r io.Reader) (SourceKind, error) {
	kind, count := EventFile, 0
	for item, err := range ReadItems(path, r, nil) {
		if err != nil {
			return kind, err
		}
		count++
		if item.Record != nil {
			kind = CaptureFile
		}
	}
	if count == 0 {
		return kind, fmt.Errorf("%s holds no events", path)
	}
	return kind, nil
}
