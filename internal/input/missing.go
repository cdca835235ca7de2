package input

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"relayctl/internal/suggest"
)

// FileError says in plain words why a file that was named cannot be read or written.
// It wraps what the operating system said.
type FileError struct {
	Path string
	Text string // the whole error
	Err  error
}

func (e *FileError) Error() string { return e.Text }
func (e *FileError) Unwrap() error { return e.Err }

// Unreadable words the error of a file that could not be opened to read it: one that is
// not there names the nearest one that is. Another error than the operating system's is
// returned as it is.
func Unreadable(path string, err error) error {
	failed := new(fs.PathError)
	switch {
	case !errors.As(err, &failed):
		return err
	case !errors.Is(err, fs.ErrNotExist):
		return &FileError{path, path + ": " + failed.Err.Error(), err}
	}
	if _, linked := os.Lstat(path); linked == nil {
		return &FileError{path, path + " is a link to a file that is not there", err}
	}
	text := path + ": no such file"
	if near := Nearest(path); near != "" {
		text += "; did you mean " + strconv.Quote(near) + "?"
	}
	return &FileError{path, text, err}
}

// Unwritable words the error of a file that could not be opened to write it, as
// Unreadable does.
func Unwritable(path string, err error) error {
	failed := new(fs.PathError)
	switch {
	case !errors.As(err, &failed):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &FileError{path, fmt.Sprintf("%s: there is no folder %s to write it to", path, filepath.Dir(path)), err}
	}
	return &FileError{path, path + ": " + failed.Err.Error(), err}
}

// Nearest returns the file beside path whose name is nearest to path's, as a path of the
// same form, or "" where none is near. A folder is not looked for. Of a name that ends
// alike only what stands before counts: all YAML files have five letters in common.
func Nearest(path string) string {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir)) // of "" it is this folder
	if err != nil {
		return ""
	}
	ending := filepath.Ext(base)
	var alike, others []string
	for _, e := range entries {
		switch stem, ok := strings.CutSuffix(e.Name(), ending); {
		case e.IsDir():
		case ok && stem != "":
			alike = append(alike, stem)
		default:
			others = append(others, e.Name())
		}
	}
	if near := suggest.Nearest(strings.TrimSuffix(base, ending), alike); near != "" {
		return dir + near + ending
	}
	if near := suggest.Nearest(base, others); near != "" {
		return dir + near
	}
	return ""
}
