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

	"github.com/spf13/cobra"

	"relayctl/internal/input"
	"relayctl/internal/mask"
	"relayctl/internal/report"
	"relayctl/internal/sim"
	"relayctl/internal/suggest"
)

// reportOptions is the --report flag, which several commands have.
type reportOptions struct {
	list    []string
	formats []string
}

func (o *reportOptions) flags(cmd *cobra.Command, formats ...string) {
	o.formats = formats
	cmd.Flags().StringArrayVar(&o.list, "report", nil,
		"also write a report, as `FORMAT=PATH` with "+strings.Join(formats[:len(formats)-1], ", ")+" or "+formats[len(formats)-1]+"; repeatable")
	var words []string
	for _, f := range formats {
		words = append(words, f+"=")
	}
	// It fails only for a flag that is not there or has its words already.
	_ = cmd.RegisterFlagCompletionFunc("report", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoSpace))
}

// reportFile is a report that is being written: beside its path, so that a run
// that is killed leaves the one of the run before.
type reportFile struct {
	format, path string
	file         *os.File
	temporary    bool // the file takes the path's place at the end
	private      bool // it has what customers sent: only its owner may read it
	secrets      *mask.Mask
}

// reportFiles are the reports of a run, opened before it begins.
type reportFiles []*reportFile

// parse reads the flag's values without touching a file.
func (o *reportOptions) parse(secrets *mask.Mask) (reportFiles, error) {
	var files reportFiles
	for _, text := range o.list {
		format, path, ok := strings.Cut(text, "=")
		ext := strings.TrimPrefix(filepath.Ext(text), ".")
		switch {
		case !ok && slices.Contains(o.formats, ext): // a path alone
			return nil, fmt.Errorf("--report takes FORMAT=PATH, not %q; did you mean %s=%s?", text, ext, text)
		case !slices.Contains(o.formats, format):
			return nil, fmt.Errorf("--report takes %s, followed by =PATH, not %q%s", strings.Join(o.formats, ", "), text, suggest.DidYouMean(format, o.formats))
		case !ok || path == "":
			return nil, fmt.Errorf("--report %s needs a path: --report %s=FILE", format, format)
		case path == "-":
			return nil, fmt.Errorf("--report %s: stdout carries the run itself; name a file", format)
		}
		files = append(files, &reportFile{format: format, path: path, secrets: secrets})
	}
	return files, nil
}

// open makes sure that every report can be written, before anything is sent.
func (r reportFiles) open(ctx context.Context) error {
	for _, f := range r {
		if err := f.open(ctx); err != nil {
			r.discard()
			return environment(fmt.Errorf("--report %s: %w", f.format, err))
		}
	}
	return nil
}

// open makes the file that is written. It does not touch what is there already.
func (f *reportFile) open(ctx context.Context) error {
	given := f.path
	return input.Unwritable(given, f.create(ctx))
}

func (f *reportFile) create(ctx context.Context) error {
	if err := writable(f.path); err != nil {
		return err
	}
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder, not a file", f.path)
	case !info.Mode().IsRegular(): // such as /dev/stderr or a pipe
		f.file, err = input.Create(ctx, f.path, os.O_WRONLY, 0)
		return err
	default:
		// What may not be written must not be replaced either.
		old, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_ = old.Close() // nothing was written
		if f.path, err = filepath.EvalSymlinks(f.path); err != nil {
			return err
		}
	}
	f.temporary = true
	_ = os.Remove(f.path + ".part") // of a run that was killed; what stays makes the next line fail
	mode := os.FileMode(0o644)      // a report is for everybody
	if f.private {
		mode = 0o600
	}
	f.file, err = os.OpenFile(f.path+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	return err
}

// write writes every report and puts it in its place. It goes on after an
// error, and returns them all.
func (r reportFiles) write(render func(format string, w io.Writer) error) error {
	var errs []error
	for _, f := range r {
		w := f.secrets.Writer(f.file)
		err := render(f.format, w)
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			err = f.put()
		} else {
			f.discard()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--report %s: %w", f.format, err))
		}
	}
	return environment(errors.Join(errs...))
}

// put closes the file and puts it in its place, or removes it.
func (f *reportFile) put() error {
	err := f.file.Close()
	if err == nil && f.temporary {
		err = os.Rename(f.file.Name(), f.path)
	}
	if err != nil {
		f.remove()
	}
	f.file = nil
	return err
}

// discard closes the files that were not written and removes the temporary ones.
func (r reportFiles) discard() {
	for _, f := range r {
		f.discard()
	}
}

// discard gives the file up, unless it was written.
func (f *reportFile) discard() {
	if f.file != nil {
		_ = f.file.Close() // it is of no use
		f.remove()
		f.file = nil
	}
}

func (f *reportFile) remove() {
	if f.temporary {
		_ = os.Remove(f.file.Name()) // best effort: the run's own error counts
	}
}

// observers is what a run of send is told to: its renderer, and the details
// where a report needs them.
func (r reportFiles) observers(out sim.Observer, details *report.SendDetails) sim.Observer {
	if len(r) == 0 {
		return out
	}
	return both{out, details}
}

// both passes everything on to two observers.
type both [2]sim.Observer

func (b both) Attempt(a *sim.Attempt) {
	b[0].Attempt(a)
	b[1].Attempt(a)
}

func (b both) Outcome(o *sim.Outcome) {
	b[0].Outcome(o)
	b[1].Outcome(o)
}

// Flush implements sim.Flusher.
func (b both) Flush() {
	for _, o := range b {
		if f, ok := o.(sim.Flusher); ok {
			f.Flush()
		}
	}
}

// writeSend writes the reports of a run of send.
func (r reportFiles) writeSend(res report.SendResult) error {
	return r.write(func(format string, w io.Writer) error {
		switch format {
		case "json":
			return res.WriteJSON(w)
		case "junit":
			return res.WriteJUnit(w)
		}
		return res.WriteHTML(w)
	})
}
