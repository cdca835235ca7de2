package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

// namesFile says whether a flag takes the path of a file, as its help has it.
func namesFile(f *pflag.Flag) bool {
	name, _ := pflag.UnquoteUsage(f)
	return strings.EqualFold(name, "file")
}

// written is a file that a flag asks to write.
type written struct{ flag, path string }

// filesWritten are the files that the command writes.
func (s *settings) filesWritten() []written {
	var out []written
	s.flags.VisitAll(func(f *pflag.Flag) {
		if annotation(f, fileKey) == fileWritten {
			out = append(out, written{f.Name, f.Value.String()})
		}
	})
	if f := s.flags.Lookup("report"); f != nil {
		for _, text := range f.Value.(pflag.SliceValue).GetSlice() {
			format, path, _ := strings.Cut(text, "=")
			out = append(out, written{"report " + format, path})
		}
	}
	return out
}

// refuseOverwriting refuses to write one of the files that are read, and to write one
// file for two flags.
func (a *app) refuseOverwriting(s *settings, args []string) error {
	in := append([]string{a.profile.path}, args...)
	s.flags.VisitAll(func(f *pflag.Flag) {
		if namesFile(f) && annotation(f, fileKey) != fileWritten {
			in = append(in, f.Value.String())
		}
	})
	out := s.filesWritten()
	for i, o := range out {
		for _, path := range in {
			if a.reads(path, o.path) {
				return fmt.Errorf("--%s: %s is a file that is read; name another one", o.flag, o.path)
			}
		}
		for _, before := range out[:i] {
			if sameFile(before.path, o.path) {
				return fmt.Errorf("--%s: %s is the file of --%s; name another one", o.flag, o.path, before.flag)
			}
		}
	}
	return nil
}

// reads says whether out is the file that is read as in, which is there; - is stdin.
func (a *app) reads(in, out string) bool {
	if stdin, ok := a.stdin.(*os.File); ok && in == "-" {
		infoA, errA := stdin.Stat()
		infoB, errB := os.Stat(out)
		return errA == nil && errB == nil && infoA.Mode().IsRegular() && os.SameFile(infoA, infoB)
	}
	_, err := os.Stat(in)
	return err == nil && sameFile(in, out)
}

// sameFile says whether two paths are one file, there already or not. Something that is
// not a regular file, such as /dev/stderr, can be named twice.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return infoA.Mode().IsRegular() && os.SameFile(infoA, infoB)
	}
	return errA != nil && errB != nil && filepath.Clean(a) == filepath.Clean(b)
}
