package sim

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxLoaded bounds a file that LoadSource holds in memory.
const maxLoaded = 64 << 20

// LoadSource reads and checks a file as ResolveWhat does, and holds its content:
// whatever becomes of the file, the source stays as it was. It can be planned
// again and again, but not twice at once.
func LoadSource(path string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return Source{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLoaded+1))
	if err != nil {
		return Source{}, err
	}
	if len(data) > maxLoaded {
		return Source{}, fmt.Errorf("%s is larger than %d MiB, too large to be held", path, maxLoaded>>20)
	}
	if IsScenarioFile(path) {
		sc, err := ParseScenario(path, data)
		return Source{Kind: ScenarioFile, Name: path, Path: path, Scenario: sc}, err
	}
	kind, err := sniff(path, bytes.NewReader(data))
	return Source{Kind: kind, Name: path, Path: path, Reader: bytes.NewReader(data)}, err
}

// items reads a source's events from the beginning.
func (s Source) items(warn func(string), yield func(FileItem) error) error {
	if s.Reader == nil {
		return readFile(s.Path, warn, yield)
	}
	if err := rewind(s.Reader); err != nil {
		return err
	}
	return ReadItems(s.Name, s.Reader, warn, yield)
}

// IsScenarioFile says whether a path is taken for a scenario by its ending.
func IsScenarioFile(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yaml" || ext == ".yml"
}

// sniff reads events to the end and says what they are.
func sniff(path string, r io.Reader) (SourceKind, error) {
	kind, count := EventFile, 0
	err := ReadItems(path, r, nil, func(item FileItem) error {
		count++
		if item.Record != nil {
			kind = CaptureFile
		}
		return nil
	})
	if err == nil && count == 0 {
		err = fmt.Errorf("%s holds no events", path)
	}
	return kind, err
}
