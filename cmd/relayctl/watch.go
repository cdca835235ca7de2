package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relayctl/internal/filewatch"
	"relayctl/internal/report/term"
	"relayctl/internal/sim/plan"
)

// heldFiles are the files of --watch as they were when they were last good, by
// the argument that names them.
type heldFiles map[string]plan.Source

// resolve finds out what the arguments mean, with the held files for their
// names. A nil heldFiles holds none.
func (h heldFiles) resolve(ctx context.Context, args []string, stdin io.Reader) ([]plan.Source, error) {
	if h == nil {
		return plan.Resolve(ctx, args, stdin)
	}
	var out []plan.Source
	for _, arg := range args {
		src, held := h[arg]
		if !held {
			list, err := plan.Resolve(ctx, []string{arg}, stdin)
			if err != nil {
				return nil, err
			}
			src = list[0]
		}
		out = append(out, src)
	}
	return out, nil
}

// hold loads the files among the arguments, of which --watch needs one.
func hold(ctx context.Context, args []string) (heldFiles, error) {
	held := heldFiles{}
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("--watch cannot read %s again; name a regular file", arg)
		}
		sources, err := plan.Resolve(ctx, []string{arg}, nil)
		if err != nil {
			return nil, err
		}
		if sources[0].Path == "" {
			continue // an event, or a scenario that is built in
		}
		if held[arg], err = plan.Load(ctx, arg); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// refuseWatch refuses what --watch contradicts.
func (o *sendOptions) refuseWatch(args []string) error {
	if slices.Contains(args, "-") {
		return errors.New("--watch cannot read stdin (-) again; name a file")
	}
	if o.journal.path != "" {
		return errors.New("--journal is for one run and --watch makes many; use one of them")
	}
	return nil
}

// watching is a run of send --watch.
type watching struct {
	app     *app
	options *sendOptions // without what a scenario sets
	given   *settings
	args    []string
	held    heldFiles
	paths   map[string]string // absolute paths to the arguments
	// done gets the error of the run under way; nil when there is none.
	done   chan error
	cancel context.CancelFunc
	last   error // the result of the last whole run
}

// watchSend sends, and sends again whenever a file is saved, until ctx is done.
func (a *app) watchSend(ctx context.Context, o *sendOptions, s *settings, args []string) error {
	if err := o.refuseWatch(args); err != nil {
		return usage(err)
	}
	held, err := hold(ctx, args)
	if err != nil {
		return usage(err)
	}
	if len(held) == 0 {
		return usageError("--watch needs a file among what is sent")
	}
	w := &watching{app: a, options: o, given: s, args: args, held: held, paths: map[string]string{}}
	var files []string
	for arg := range held {
		path, err := filepath.Abs(arg)
		if err != nil {
			return environment(err)
		}
		w.paths[path] = arg
		files = append(files, path)
	}
	watcher, err := filewatch.New(files...)
	if err != nil {
		return environment(err)
	}
	ctx, stop := context.WithCancel(ctx)
	changes, ended := make(chan string), make(chan struct{})
	go func() {
		defer close(ended)
		watcher.Run(ctx, func(file string) {
			select {
			case changes <- file:
			case <-ctx.Done():
			}
		})
	}()
	defer func() { stop(); <-ended }()
	return w.loop(ctx, changes)
}

func (w *watching) loop(ctx context.Context, changes <-chan string) error {
	w.start(ctx)
	for first := true; ; {
		select {
		case err := <-w.done:
			w.cancel()
			w.done = nil
			switch {
			case ctx.Err() != nil:
				return err
			case first && exitCode(exitOK, err) > exitFellShort:
				return err // nothing was sent: that is a mistake to mend first
			}
			first = false
			w.last = silent(w.app.exit(err))
			w.note("watching %s; Ctrl-C ends", w.names())
		case file := <-changes:
			w.changed(ctx, w.paths[file])
		case <-ctx.Done():
			if w.done != nil {
				return <-w.done
			}
			return w.last
		}
	}
}

// start begins a run. It resolves the settings again, because the scenario may
// set other flags now.
func (w *watching) start(ctx context.Context) {
	ctx, w.cancel = context.WithCancel(ctx)
	done := make(chan error, 1)
	w.done = done
	go func() { done <- w.app.sendOnce(ctx, w.options, w.given, w.args, w.held) }()
}

// changed looks at a file that was saved or deleted. A run under way ends
// early: its attempts do, its waits are not waited for.
func (w *watching) changed(ctx context.Context, arg string) {
	src, err := plan.Load(ctx, arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.note("%s is gone; the last good one is kept until there is a new one", arg)
		return
	case err != nil:
		fmt.Fprintln(w.app.errors, term.Clean(err.Error()))
		w.note("%s is broken; the last good one is kept", arg)
		return
	}
	if w.done != nil {
		// The run reads what it holds, so that only the next one gets the new file.
		w.note("%s was saved: this run ends early, then it is sent again", arg)
		w.cancel()
		<-w.done
		if w.done = nil; ctx.Err() != nil {
			return
		}
	} else {
		w.note("%s was saved: sending again", arg)
	}
	w.held[arg] = src
	w.start(ctx)
}

func (w *watching) names() string {
	var names []string
	for _, arg := range w.args {
		if _, held := w.held[arg]; held {
			names = append(names, arg)
		}
	}
	return strings.Join(names, ", ")
}

func (w *watching) note(format string, args ...any) {
	fmt.Fprintf(w.app.stderr, format+"\n", args...)
}
