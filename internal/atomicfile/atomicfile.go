// Package atomicfile replaces files so that their readers see all of the old content or
// all of the new. Begin with Create, or with WriteFile for content that is at hand.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is new content, written to a temporary file until Commit gives it the place of
// the old. It is not safe for concurrent use.
type File struct {
	temp     *os.File // nil before the first Write, and after Commit or Discard
	path     string
	mode     fs.FileMode
	replaces bool // mode is right whatever the umask
}

// Create begins the new content of the file at path, which stays as it is until Commit.
// The temporary file is in the same folder, and never one that is there already. Create
// tries to make it; from the first Write on it stays. So a process that is killed before it
// writes leaves none behind.
//
// A new file gets mode, less the process's umask. A file that is replaced keeps its rights
// as far as mode has them too. Where path is a symbolic link, the file that it leads to is
// replaced. Create returns an error for a file that this user may not write, and for
// anything that is not a regular file.
func Create(path string, mode fs.FileMode) (*File, error) {
	info, err := os.Stat(path)
	replaces := err == nil
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a file", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	default:
		mode &= info.Mode().Perm()
		if path, err = writable(path); err != nil {
			return nil, err
		}
	}
	f := &File{path: path, mode: mode, replaces: replaces}
	if err := f.begin(); err != nil {
		return nil, err
	}
	f.Discard()
	return f, nil
}

// begin makes the temporary file, unless it is there.
func (f *File) begin() error {
	if f.temp != nil {
		return nil
	}
	temp, err := os.OpenFile(filepath.Join(filepath.Dir(f.path), ".relayctl-"+rand.Text()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.mode)
	if err != nil {
		return err
	}
	f.temp = temp
	if f.replaces {
		if err := temp.Chmod(f.mode); err != nil {
			f.Discard()
			return err
		}
	}
	return nil
}

// writable returns the path without symbolic links. A rename needs no right to write the
// file that it replaces, so that right is asked for here.
func writable(path string) (string, error) {
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	_ = old.Close() // nothing was written
	return filepath.EvalSymlinks(path)
}

// Write adds to the new content.
func (f *File) Write(p []byte) (int, error) {
	if err := f.begin(); err != nil {
		return 0, err
	}
	return f.temp.Write(p)
}

// Commit puts the content in its place once it is on disk. After an error the old content
// is still there, and the temporary file is gone.
func (f *File) Commit() error {
	if err := f.begin(); err != nil {
		return err
	}
	temp := f.temp
	f.temp = nil
	err := errors.Join(temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// Discard removes the temporary file, unless Commit was called. Nothing may be written
// after that.
func (f *File) Discard() {
	if f.temp != nil {
		_, _ = f.temp.Close(), os.Remove(f.temp.Name()) // best effort: the caller has an error of its own
		f.temp = nil
	}
}

// WriteFile replaces the whole content of a file; mode is that of Create.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	f, err := Create(path, mode)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}
