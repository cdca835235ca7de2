// Package filewatch reports when a file has changed: written in place, replaced
// as editors do it, deleted or made again. New begins to watch, Run reports. It
// does not read the files.
package filewatch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the files have to be left alone before a change is
// reported: an editor writes in several steps.
const settle = 100 * time.Millisecond

// lookAgain is how often Run looks for a deleted directory.
const lookAgain = 500 * time.Millisecond

// Watcher watches files through their directories, because an editor replaces a
// file by a new one. It is not safe for concurrent use.
type Watcher struct {
	files []string
	seen  map[string]state
	fs    *fsnotify.Watcher
}

// state is what tells one content of a file from another; zero for no file.
type state struct {
	info fs.FileInfo
	size int64
	at   time.Time
}

func stateOf(file string) state {
	info, err := os.Stat(file)
	if err != nil {
		return state{}
	}
	return state{info, info.Size(), info.ModTime()}
}

func (s state) same(o state) bool {
	if s.info == nil || o.info == nil {
		return s.info == o.info
	}
	return os.SameFile(s.info, o.info) && s.size == o.size && s.at.Equal(o.at)
}

// New begins to watch the files; one that does not exist yet is watched for.
// The caller has to Run or Close it.
func New(files ...string) (*Watcher, error) {
	w := &Watcher{seen: make(map[string]state)}
	var err error
	if w.fs, err = fsnotify.NewWatcher(); err != nil {
		return nil, fmt.Errorf("cannot watch files: %w", err)
	}
	for _, f := range files {
		f, err = filepath.Abs(f)
		if err == nil {
			err = w.fs.Add(filepath.Dir(f))
		}
		if err != nil {
			return nil, fmt.Errorf("cannot watch %s: %w", f, errors.Join(err, w.fs.Close()))
		}
		w.files = append(w.files, f)
		w.seen[f] = stateOf(f)
		w.follow(f)
	}
	return w, nil
}

// follow watches where a symbolic link leads as well. It may lead nowhere.
func (w *Watcher) follow(file string) {
	if target, err := filepath.EvalSymlinks(file); err == nil && filepath.Dir(target) != filepath.Dir(file) {
		// Without it a change behind the link goes unnoticed, nothing worse.
		_ = w.fs.Add(filepath.Dir(target))
	}
}

// Close ends a watcher that is not run.
func (w *Watcher) Close() error { return w.fs.Close() }

// Run calls changed with the path of every file that has changed, from this
// goroutine and once for a burst of changes, until ctx is done. It is called
// once.
func (w *Watcher) Run(ctx context.Context, changed func(file string)) {
	defer w.fs.Close()
	hints := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.hints(ctx, hints)
	}()
	debounce(ctx, hints, func() bool { return w.tell(changed) })
	<-done
}

// hints passes on that something happened that may concern the files.
func (w *Watcher) hints(ctx context.Context, hints chan<- struct{}) {
	for {
		select {
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if !w.concerns(e.Name) {
				continue
			}
		case _, ok := <-w.fs.Errors: // events were lost: look at the files
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		}
		select {
		case hints <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// concerns leaves out what else is written in the directory, such as a capture.
// What a link leads to may have any name.
func (w *Watcher) concerns(name string) bool {
	return slices.ContainsFunc(w.files, func(f string) bool {
		if f == name || filepath.Dir(f) == name {
			return true
		}
		target, err := filepath.EvalSymlinks(f)
		return err != nil || target != f
	})
}

// debounce calls fire once the hints have ceased for a moment, and again later
// where it says so.
func debounce(ctx context.Context, hints <-chan struct{}, fire func() (again bool)) {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	timer.Stop()
	for {
		select {
		case <-hints:
			timer.Reset(settle)
		case <-timer.C:
			if fire() {
				timer.Reset(lookAgain)
			}
		case <-ctx.Done():
			return
		}
	}
}

// tell tells the files that have changed, and says whether to look again because
// a directory is gone. Another one may come in its place, as where a checkout
// removes a folder and brings it back, and is then not watched yet.
func (w *Watcher) tell(changed func(string)) (again bool) {
	for _, f := range w.files {
		if w.fs.Add(filepath.Dir(f)) != nil {
			again = true
		}
		now := stateOf(f)
		if now.same(w.seen[f]) {
			continue
		}
		w.seen[f] = now
		w.follow(f)
		changed(f)
	}
	return again
}
