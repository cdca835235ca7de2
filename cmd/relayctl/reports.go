package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/atomicfile"
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

// reportFile is a report, or another file that a run writes as a whole: only at its end
// does it take the place of the one of the run before.
type reportFile struct {
	format, path string
	out          destination // nil before open, and after put or discard
	private      bool        // it has what customers sent: only its owner may read it
	secrets      *mask.Mask
}

// destination takes what is written: a file that is replaced, or a pipe.
type destination interface {
	io.Writer
	Commit() error
	Discard()
}

// pipe is an output that is not a regular file, such as a FIFO or /dev/stderr.
type pipe struct{ *os.File }

func (p pipe) Commit() error { return p.Close() }

func (p pipe) Discard() { _ = p.Close() } // the run has an error of its own

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

// open makes sure that the file can be written. It does not touch what is there already.
func (f *reportFile) open(ctx context.Context) error {
	return input.Unwritable(f.path, f.create(ctx))
}

func (f *reportFile) create(ctx context.Context) error {
	if err := writable(f.path); err != nil {
		return err
	}
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		to, err := input.Create(ctx, f.path, os.O_WRONLY, 0)
		if err == nil {
			f.out = pipe{to}
		}
		return err
	}
	mode := os.FileMode(0o644) // a report is for everybody
	if f.private {
		mode = 0o600
	}
	to, err := atomicfile.Create(f.path, mode)
	if err == nil {
		f.out = to
	}
	return err
}

// reportWriters are what writes each format of a report.
type reportWriters map[string]func(io.Writer) error

// write writes every report and puts it in its place. It goes on after an
// error, and returns them all.
func (r reportFiles) write(by reportWriters) error {
	var errs []error
	for _, f := range r {
		w := f.secrets.Writer(f.out)
		err := errors.New("nothing writes this format")
		if render := by[f.format]; render != nil {
			err = render(w)
		}
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

// put puts the file in its place.
func (f *reportFile) put() error {
	to := f.out
	f.out = nil
	return to.Commit()
}

// discard removes what was begun and not put in its place.
func (r reportFiles) discard() {
	for _, f := range r {
		f.discard()
	}
}

func (f *reportFile) discard() {
	if f.out != nil {
		f.out.Discard()
		f.out = nil
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
	return r.write(reportWriters{"json": res.WriteJSON, "junit": res.WriteJUnit, "html": res.WriteHTML})
}
