package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/input"
	"relayctl/internal/report"
	"relayctl/internal/sim/plan"
)

// planOptions are the flags that say what is delivered; send and generate
// share them.
type planOptions struct {
	records uint64
	csv     string
	csvMap  []string
	rejects string
	count   int
	events  []string
	set     []string
	unset   []string
	seed    uint64
	first   uint64
	start   string
}

// planHeading is the heading of the flags that say what is delivered. Those that
// it has decide the plan: a run that is continued has to have the same values.
const planHeading = "What is delivered"

// startNow is the default of --start.
const startNow = "now"

const (
	firstFlag = "first-ccid"
	// manyCustomers leaves room to count on.
	manyCustomers = "1000000000000000000"
)

func (o *planOptions) flags(cmd *cobra.Command) {
	defer group(cmd, planHeading)()
	f := cmd.Flags()
	f.Uint64Var(&o.records, "records", 0, "a campaign: one generated journey per record")
	f.StringVar(&o.csv, "csv", "", "a campaign: one journey per row of this `file` (header with ccid; also phone_number, product_group_id, consent_type, trigger_id, client_message_tag)")
	f.StringArrayVar(&o.csvMap, "csv-map", nil, "what a column of --csv means, such as 'Phone Number=phone_number'; 'COLUMN=' ignores one")
	f.StringVar(&o.rejects, "rejects", "", "`file` for the rows of --csv that cannot be used; without it the first ten are printed on stderr")
	writes(cmd, "rejects")
	f.IntVar(&o.count, "count", 1, "repeat each named event or scenario with fresh ids and customers")
	f.StringSliceVar(&o.events, "events", nil, "only these events, as patterns: notification.* (R-FILTER)")
	f.StringArrayVar(&o.set, "set", nil, "override a property: payload.message_name=Hi. The value takes the property's type, so that digits stay text where it is a text; PATH:=JSON sets JSON; 'notification.*:payload.x=1' only in these events")
	f.StringArrayVar(&o.unset, "unset", nil, "remove a property: payload.ccid; 'notification.*:payload.ccid' only in these events")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything left to chance (drawn and printed unless given)")
	f.Uint64Var(&o.first, firstFlag, 0, "ccid of the first generated customer, a `number` from which the others count on (drawn from the seed unless given, so that every run has customers of its own)")
	f.StringVar(&o.start, "start", startNow, "anchor of event_ts: now, so that no generated event is dated after its sending, or a time such as 2026-01-31T12:00:00Z")
	within(cmd, "1", manyCustomers, "records", firstFlag)
	within(cmd, "1", "1000000", "count")
	needs(cmd, "csv", "csv-map", "rejects")
	wordsOf(cmd, "events", event.Names)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return append(event.Names(), fixtures.ScenarioNames()...), cobra.ShellCompDirectiveDefault
	}
}

// planFiles are the files behind a plan, to be closed after it.
type planFiles struct {
	in       io.Closer // the file of --csv
	rejects  *os.File
	rejected int
	err      error // of the first reject that could not be written
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

// config makes the plan's configuration of the flags and opens the files that
// they name.
func (o *planOptions) config(a *app, s *settings, sources []plan.Source) (plan.Config, *planFiles, error) {
	files := &planFiles{}
	c := plan.Config{Records: o.records, Count: o.count, Seed: o.seed, Start: time.Now(), Sources: sources}
	if !s.given("seed") {
		c.Seed = rand.Uint64N(1e9)
	}
	if c.FirstCCID = o.first; o.first == 0 {
		c.FirstCCID = plan.DrawFirstCCID(c.Seed)
	}
	var err error
	if o.start != startNow && o.start != "" {
		if c.Start, err = time.Parse(time.RFC3339, o.start); err != nil {
			return c, files, fmt.Errorf("--start: %q is not a time such as 2026-01-31T12:00:00Z", o.start)
		}
	}
	if c.Filter, err = a.eventFilter("events", o.events); err != nil {
		return c, files, err
	}
	if c.Overrides, err = a.overrides(o.set, o.unset); err != nil {
		return c, files, err
	}
	c.Warn = func(msg string) { a.warn("%s", msg) }
	if o.recorded(sources) && !s.given("shard") {
		for _, flag := range []string{"start", firstFlag} {
			if s.typed(flag) {
				a.warn("--%s has no effect: events of a file keep their times and customers (--set changes them)", flag)
			}
		}
	}
	if len(c.Sources) == 1 && c.Sources[0].Path != "" {
		a.hintRotated(s.command, c.Sources[0].Path)
	}
	if o.csv != "" {
		if err := o.openCSV(a, &c, files); err != nil {
			return c, files, err
		}
	}
	return c, files, flagged(c.Validate())
}

// dateBack lets the events of a plan that begins now be dated so that none lies
// after its sending. scale is how long a second of the plan takes at least.
func (o *planOptions) dateBack(c *plan.Config, scale float64) {
	if o.start == startNow {
		c.Start = c.Start.Add(-c.Ahead(scale))
	}
}

// refuse refuses numbers out of range and flags that contradict each other.
func (o *planOptions) refuse(s *settings, args []string) error {
	switch {
	case s.typed("count") && !o.countable(args):
		return errors.New("--count repeats events and scenarios, but none is named")
	case s.typed(firstFlag) && o.csv != "" && len(args) == 0:
		return fmt.Errorf("--%s has no effect: the customers are those of --csv", firstFlag)
	case o.records > 0 && o.csv != "":
		return errors.New("--records and --csv exclude each other")
	case o.rejects == "-":
		return errors.New("--rejects: stdout carries the result; name a file")
	}
	return nil
}

// countable says whether --count can apply to what is sent: an event, a
// scenario (also the one that is the default), or a name that is misspelt,
// for which a later error suggests the right one.
func (o *planOptions) countable(args []string) bool {
	if len(args) == 0 {
		return !o.campaign()
	}
	return slices.ContainsFunc(args, func(arg string) bool {
		_, isScenario := fixtures.Scenario(arg)
		_, err := os.Stat(arg)
		return isEvent(arg) || isScenario || plan.IsScenarioFile(arg) || arg != "-" && err != nil
	})
}

// campaign says whether journeys of generated or listed customers are sent.
func (o *planOptions) campaign() bool { return o.records > 0 || o.csv != "" }

// recorded says whether all that is sent is there already, and nothing is generated.
func (o *planOptions) recorded(sources []plan.Source) bool {
	generated := func(s plan.Source) bool { return s.Kind == plan.NamedEvent || s.Kind == plan.ScenarioFile }
	return len(sources) > 0 && !o.campaign() && !slices.ContainsFunc(sources, generated)
}

// sources finds out what the arguments mean. A campaign needs none.
func (o *planOptions) sources(ctx context.Context, a *app, s *settings, args []string, held heldFiles) ([]plan.Source, error) {
	if err := o.refuse(s, args); err != nil {
		return nil, err
	}
	if len(args) == 0 && o.campaign() {
		return nil, nil
	}
	return held.resolve(ctx, args, a.stdin)
}

func (o *planOptions) openCSV(a *app, c *plan.Config, files *planFiles) error {
	if o.csv == "-" {
		return errors.New("--csv takes a file, not stdin (-)")
	}
	in, err := input.Open(a.interrupt, o.csv)
	if err != nil {
		return fmt.Errorf("--csv: %w", err)
	}
	files.in, c.CSV = in, in
	if stream, ok := in.(*input.Stream); ok {
		c.CSV = stream.Ahead()
	}
	if c.Columns, err = plan.ParseColumnMap(o.csvMap); err != nil {
		return fmt.Errorf("--csv-map: %w", err)
	}
	if err := plan.CheckCSV(c.CSV, c.Columns); err != nil {
		err = fmt.Errorf("--csv: %s: %w", o.csv, err)
		if near := new(plan.NearColumn); errors.As(err, &near) {
			hint := fmt.Sprintf("--csv-map %s takes it for that, %s ignores it", report.ShellQuote(near.Column+"="+near.Near), report.ShellQuote(near.Column+"="))
			return &exitError{code: exitUsage, err: err, hint: hint}
		}
		return err
	}
	if o.rejects != "" {
		if err := writable(o.rejects); err != nil {
			return fmt.Errorf("--rejects: %w", err)
		}
		if files.rejects, err = input.Create(a.interrupt, o.rejects, os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return environment(fmt.Errorf("--rejects: %w", input.Unwritable(o.rejects, err)))
		}
	}
	c.Reject = func(r plan.Reject) {
		files.rejected++
		switch {
		case files.rejects != nil:
			if _, err := io.WriteString(files.rejects, a.secrets.Text(fmt.Sprintf("%s:%d: %s\n", o.csv, r.Line, r.Reason))); err != nil && files.err == nil {
				files.err = fmt.Errorf("--rejects: %w", err)
			}
		case files.rejected <= 10:
			fmt.Fprintf(a.stderr, "rejected: %s:%d: %s\n", o.csv, r.Line, r.Reason)
		}
	}
	return nil
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

func (a *app) overrides(set, unset []string) ([]event.Override, error) {
	var out []event.Override
	for _, s := range set {
		o, err := event.ParseSet(s)
		if err != nil {
			return nil, fmt.Errorf("--set: %w", err)
		}
		a.doubt("set", o.Events())
		out = append(out, o)
	}
	for _, s := range unset {
		o, err := event.ParseUnset(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("--unset: %w", err)
		}
		a.doubt("unset", o.Events())
		out = append(out, o)
	}
	return out, nil
}
