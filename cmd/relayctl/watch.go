package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/filewatch"
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

const watchHelp = "send again whenever a named file is saved; Ctrl-C ends with the verdict of the last run (130 in the middle of one)"

// heldFiles are the files of --watch as they were when they were last good, by
// the argument that names them.
type heldFiles map[string]sim.Source

// resolve finds out what the arguments mean, with the held files for their
// names. A nil heldFiles holds none.
func (h heldFiles) resolve(args []string, stdin io.Reader) ([]sim.Source, error) {
	if h == nil {
		return sim.ResolveWhat(args, stdin)
	}
	var out []sim.Source
	for _, arg := range args {
		src, held := h[arg]
		if !held {
			list, err := sim.ResolveWhat([]string{arg}, stdin)
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
func hold(args []string) (heldFiles, error) {
	sources, err := sim.ResolveWhat(args, nil)
	if err != nil {
		return nil, err
	}
	held := heldFiles{}
	for i, arg := range args {
		if sources[i].Path == "" {
			continue // an event, or a scenario that is built in
		}
		if held[arg], err = sim.LoadSource(arg); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// checkWatch refuses what --watch makes no sense with.
func (o *sendOptions) checkWatch(args []string) error {
	for _, arg := range args {
		if arg == "-" {
			return errors.New("--watch cannot read stdin (-) again; name a file")
		}
	}
	if o.journal.path != "" {
		return errors.New("--journal notes one run and --watch makes many; use one of them")
	}
	return nil
}

// watching is a run of send --watch.
type watching struct {
	app   *app
	cmd   *cobra.Command
	o     *sendOptions
	args  []string
	base  sendOptions // as the user gave them
	given map[string]bool
	paths map[string]string // absolute paths to the arguments
	// done gets the error of the run under way; nil when there is none.
	done   chan error
	cancel context.CancelFunc
	last   error // what the last whole run came to
}

// watchSend sends, and sends again whenever a file is saved, until ctx is done.
func (a *app) watchSend(ctx context.Context, cmd *cobra.Command, o *sendOptions, args []string) error {
	if err := o.checkWatch(args); err != nil {
		return usage(err)
	}
	var err error
	if o.plan.held, err = hold(args); err != nil {
		return usage(err)
	}
	if len(o.plan.held) == 0 {
		return usageError("--watch needs a file among what is sent")
	}
	w := &watching{app: a, cmd: cmd, o: o, args: args, base: *o, given: map[string]bool{}, paths: map[string]string{}}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { w.given[f.Name] = f.Changed })
	var files []string
	for arg := range o.plan.held {
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

// start begins a run, with the flags as the user gave them: those that a
// scenario had set may be others now.
func (w *watching) start(ctx context.Context) {
	held := w.o.plan.held
	*w.o = w.base
	w.o.plan.held = held
	w.cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Changed = w.given[f.Name] })
	ctx, w.cancel = context.WithCancel(ctx)
	done := make(chan error, 1)
	w.done = done
	go func() { done <- w.app.send(ctx, w.cmd, w.o, w.args) }()
}

// changed looks at a file that was saved or deleted. A run under way ends
// early: its attempts do, its waits are not waited for.
func (w *watching) changed(ctx context.Context, arg string) {
	src, err := sim.LoadSource(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.note("%s is gone; the last good one is kept until there is a new one", arg)
		return
	case err != nil:
		w.note("%s", report.Clean(err.Error()))
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
	w.o.plan.held[arg] = src
	w.start(ctx)
}

func (w *watching) names() string {
	var names []string
	for _, arg := range w.args {
		if _, held := w.o.plan.held[arg]; held {
			names = append(names, arg)
		}
	}
	return strings.Join(names, ", ")
}

func (w *watching) note(format string, args ...any) {
	fmt.Fprintf(w.app.stderr, format+"\n", args...)
}
