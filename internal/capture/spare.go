package capture

import (
	"errors"
	"os"
	"syscall"
)

// spare is a file descriptor kept in reserve: a server whose callers hold all the
// others can still begin a new file with it. The zero value holds none yet.
type spare struct{ f *os.File }

// use calls do, once more with the spare descriptor free where there was no other.
func (s *spare) use(do func() error) error {
	err := do()
	if s.f != nil && (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) {
		s.drop()
		err = do()
	}
	if s.f == nil {
		if f, err := os.Open(os.DevNull); err == nil { // or the next call tries again
			s.f = f
		}
	}
	return err
}

// drop gives the descriptor back.
func (s *spare) drop() {
	if s.f != nil {
		_ = s.f.Close() // nothing was written to it
		s.f = nil
	}
}
