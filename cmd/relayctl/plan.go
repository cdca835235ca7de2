package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// planOptions are the flags that say what is delivered; send and generate
// share them.
type planOptions struct {
	records uint64
	csv     string
	rejects string
	count   int
	events  []string
	set     []string
	unset   []string
	seed    uint64
	start   string
	held    heldFiles // of --watch, nil without it
}

// startNow is the default of --start.
const startNow = "now"

func (o *planOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "What is delivered")()
	f := cmd.Flags()
	f.Uint64Var(&o.records, "records", 0, "a campaign: one generated journey per record")
	f.StringVar(&o.csv, "csv", "", "a campaign: one journey per row of this file (header with ccid; also phone_number, product_group_id, consent_type, trigger_id, client_message_tag)")
	f.StringVar(&o.rejects, "rejects", "", "file for the rows of --csv that cannot be used; without it the first ten are told on stderr")
	f.IntVar(&o.count, "count", 1, "repeat each named event or scenario with fresh ids and customers")
	f.StringSliceVar(&o.events, "events", nil, "only these events, as patterns: notification.* (R-FILTER)")
	f.StringArrayVar(&o.set, "set", nil, "override in every envelope: payload.message_name=Hi (the value is JSON, else a string; a text of digits is quoted twice: 'payload.ccid=\"1002\"')")
	f.StringArrayVar(&o.unset, "unset", nil, "remove from every envelope: payload.ccid")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything left to chance (drawn and printed unless given)")
	f.StringVar(&o.start, "start", startNow, "anchor of event_ts: now, or a time such as 2026-01-31T12:00:00Z")
	wordsOf(cmd, "events", event.Names)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return append(event.Names(), fixtures.ScenarioNames()...), cobra.ShellCompDirectiveDefault
	}
}

// planFiles are the files behind a plan, to be closed after it.
type planFiles struct {
	in, rejects *os.File
	rejected    int
	err         error // of the first reject that could not be written
}

// begin empties the file of rejects, once everything is checked.
func (p *planFiles) begin() error {
	if p.rejects == nil || !isFile(p.rejects) {
		return nil
	}
	return environment(p.rejects.Truncate(0))
}

func isFile(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

func (p *planFiles) close() error {
	if p.in != nil {
		_ = p.in.Close() // it was only read
	}
	if p.rejects != nil {
		p.err = errors.Join(p.err, p.rejects.Close())
	}
	return p.err
}

// config checks the flags and opens what they name.
func (o *planOptions) config(a *app, cmd *cobra.Command, args []string) (sim.PlanConfig, *planFiles, error) {
	files := &planFiles{}
	c := sim.PlanConfig{Records: o.records, Count: o.count, Seed: o.seed, Start: time.Now()}
	if !cmd.Flags().Changed("seed") {
		c.Seed = rand.Uint64N(1e9)
	}
	var err error
	if o.count < 1 {
		return c, files, errors.New("--count must be at least 1")
	}
	if o.records == 0 && cmd.Flags().Changed("records") {
		return c, files, errors.New("--records must be at least 1")
	}
	if o.start != startNow && o.start != "" {
		if c.Start, err = time.Parse(time.RFC3339, o.start); err != nil {
			return c, files, fmt.Errorf("--start: %q is no time such as 2026-01-31T12:00:00Z", o.start)
		}
	}
	if c.Filter, err = a.eventFilter("events", o.events); err != nil {
		return c, files, err
	}
	if c.Overrides, err = overrides(o.set, o.unset); err != nil {
		return c, files, err
	}
	c.Warn = func(msg string) { fmt.Fprintln(a.stderr, "warning:", msg) }
	campaign := o.records > 0 || o.csv != ""
	if len(args) > 0 || !campaign {
		if c.Sources, err = o.held.resolve(args, stdinFor(cmd.Context(), args, a.stdin)); err != nil {
			return c, files, err
		}
	}
	if len(c.Sources) == 1 && c.Sources[0].Path != "" {
		a.hintRotated(cmd.Name(), c.Sources[0].Path)
	}
	if o.csv != "" {
		if o.records > 0 {
			return c, files, errors.New("--records and --csv exclude each other")
		}
		if err := overwrites(c.Sources, o.csv, written{"rejects", o.rejects}); err != nil {
			return c, files, err
		}
		if err := o.openCSV(a, &c, files); err != nil {
			return c, files, err
		}
	}
	return c, files, c.Validate()
}

func (o *planOptions) openCSV(a *app, c *sim.PlanConfig, files *planFiles) error {
	if o.csv == "-" {
		return errors.New("--csv takes a file, not stdin (-)")
	}
	var err error
	if files.in, err = os.Open(o.csv); err != nil {
		return fmt.Errorf("--csv: %w", err)
	}
	if info, err := files.in.Stat(); err == nil && info.IsDir() {
		return fmt.Errorf("--csv: %s is a folder, not a file", o.csv)
	}
	if err := sim.CheckCSV(files.in); err != nil {
		return fmt.Errorf("--csv: %s: %w", o.csv, err)
	}
	c.CSV = files.in
	if o.rejects != "" {
		if files.rejects, err = os.OpenFile(o.rejects, os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("--rejects: %w", err)
		}
	}
	c.Reject = func(r sim.Reject) {
		files.rejected++
		switch {
		case files.rejects != nil:
			if _, err := fmt.Fprintf(files.rejects, "%s:%d: %s\n", o.csv, r.Line, r.Reason); err != nil && files.err == nil {
				files.err = fmt.Errorf("--rejects: %w", err)
			}
		case files.rejected <= 10:
			fmt.Fprintf(a.stderr, "rejected: %s:%d: %s\n", o.csv, r.Line, r.Reason)
		}
	}
	return nil
}

// written is a file that a flag has written.
type written struct{ flag, path string }

// overwrites refuses to write one of the files that are read, and to write one
// file for two flags. What is no file, such as /dev/stderr, serves everybody.
func overwrites(sources []sim.Source, csv string, out ...written) error {
	in := []string{csv}
	for _, s := range sources {
		in = append(in, s.Path)
	}
	for i, o := range out {
		for _, path := range in {
			if sameFile(path, o.path) {
				return fmt.Errorf("--%s: %s is a file that is sent; name another one", o.flag, o.path)
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

// report says how many rows were rejected.
func (p *planFiles) report(a *app, name string) {
	if p.rejected == 0 {
		return
	}
	where := " (--rejects FILE keeps them all)"
	if p.rejects != nil {
		where = ", see " + name
	}
	fmt.Fprintf(a.stderr, "rows rejected: %d%s\n", p.rejected, where)
}

func overrides(set, unset []string) ([]event.Override, error) {
	var out []event.Override
	for _, s := range set {
		o, err := event.ParseSet(s)
		if err != nil {
			return nil, fmt.Errorf("--set: %w", err)
		}
		out = append(out, o)
	}
	for _, s := range unset {
		o, err := event.ParseUnset(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("--unset: %w", err)
		}
		out = append(out, o)
	}
	return out, nil
}
