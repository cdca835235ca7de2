package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/input"
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

// journalOptions are the flags that let a killed run be continued.
type journalOptions struct {
	path   string
	resume bool
}

func (o *journalOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "Continuing a run")()
	f := cmd.Flags()
	f.StringVar(&o.path, "journal", "", "record the outcome of every event in this `file`, so that --resume can continue after a crash")
	writes(cmd, "journal")
	f.BoolVar(&o.resume, "resume", false, "continue the run of --journal: nothing that was accepted is sent again; give the same arguments (seed and start come from the journal)")
}

// layer takes the seed and the start from the journal that is resumed. Where
// others are given, opening the journal compares them.
func (o *journalOptions) layer(a *app, send *sendOptions, s *settings) (layer, error) {
	l := layer{values: map[string]given{}, mistake: func(_ string, err error) error { return fmt.Errorf("--journal: %w", err) }}
	switch {
	case o.path == "-":
		return l, errors.New("--journal: stdout carries the result; name a file")
	case !o.resume:
		return l, nil
	case o.path == "":
		return l, errors.New("--resume needs the --journal FILE of the run to go on with")
	}
	header, ok, err := sim.ReadJournalHeader(o.path)
	if err != nil {
		return l, journalError(err)
	}
	if !ok {
		a.warn("the journal %s holds no run yet: this one starts from the beginning", o.path)
		return l, nil
	}
	source := "journal " + o.path
	if !s.given("seed") {
		l.values["seed"] = given{[]string{strconv.FormatUint(header.Seed, 10)}, source}
	}
	if send.plan.start == startNow {
		l.values["start"] = given{[]string{header.Start.Format(time.RFC3339Nano)}, source}
	}
	return l, nil
}

// open opens the journal of a run, nil without --journal.
func (o *journalOptions) open(a *app, r *sendRun) (*sim.Journal, error) {
	if o.path == "" {
		return nil, nil
	}
	header := sim.JournalHeader{Seed: r.plan.Seed, Start: r.plan.Start, Args: maps.Clone(r.id.Arguments)}
	if !r.plan.Shard.Whole() {
		header.Args["--shard"] = r.plan.Shard.String()
	}
	if err := writable(o.path); err != nil {
		return nil, environment(fmt.Errorf("--journal: %w", err))
	}
	j, err := sim.OpenJournal(o.path, header, o.resume)
	if errors.As(err, new(*fs.PathError)) {
		return nil, environment(fmt.Errorf("--journal: %w", input.Unwritable(o.path, err)))
	}
	if err != nil {
		return nil, journalError(err)
	}
	j.Mask = a.secrets.Text
	return j, nil
}

// journalError says what to do with a journal that cannot be continued.
func journalError(err error) error {
	damage := new(sim.JournalDamage)
	if err == nil || !errors.As(err, &damage) {
		return usage(err)
	}
	hint := fmt.Sprintf("without the line, --resume sends again what it noted: sed -i %dd %s", damage.Line, report.ShellQuote(damage.Path))
	if damage.Line == 1 {
		hint = "the run cannot be continued without the journal's first line: begin a new journal, and all is sent again"
	}
	return &exitError{code: exitUsage, err: fmt.Errorf("--journal: %w", err), hint: hint}
}

// identify finds out which plan the run is of, for its journal and its reports. What
// signs the requests is not part of it: a run may be continued with a new password.
func (r *sendRun) identify(a *app, args []string) error {
	if r.options.journal.path == "" && len(r.reports) == 0 {
		return nil
	}
	planArgs, err := planArguments(args, r)
	if err != nil {
		return err
	}
	for name, value := range planArgs {
		if shown := a.secrets.Text(value); shown != value {
			planArgs[name] = fmt.Sprintf("%s (check value %s)", shown, r.checkValue(value))
		}
	}
	r.id = report.NewPlanID(r.plan.Seed, r.plan.Start, planArgs, r.plan.Shard)
	return nil
}

// checkValue is a short hash of a secret in an argument. It shows, when a run is continued
// or shards are merged, that the argument is another one. It is too short to find the secret
// from one plan, but the hashes of several plans narrow it down: secrets do not belong in
// such arguments. It differs from plan to plan.
func (r *sendRun) checkValue(secret string) string {
	key := strconv.FormatUint(r.plan.Seed, 10) + r.plan.Start.UTC().Format(time.RFC3339Nano)
	h := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(h, secret) // it never fails
	return hex.EncodeToString(h.Sum(nil)[:2])
}

// planArguments are the arguments that decide what is sent where: a run that
// is continued has to have the same. Files count by their content.
func planArguments(args []string, r *sendRun) (map[string]string, error) {
	out := map[string]string{"WHAT": strings.Join(args, " ")}
	r.settings.flags.VisitAll(func(f *pflag.Flag) {
		heading := annotation(f, groupKey)
		decides := heading == planHeading && f.Name != "seed" && f.Name != "start" && f.Name != "rejects" || heading == disorderHeading
		if decides && f.Value.String() != f.DefValue {
			out["--"+f.Name] = f.Value.String()
		}
	})
	if r.sender.URL != "" {
		u, err := url.Parse(r.sender.URL)
		if err != nil {
			return nil, err
		}
		out["--to"] = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String() // a query may hold a secret
	}
	var files []string
	for _, s := range r.plan.Sources {
		files = append(files, s.Path)
	}
	if csv := r.options.plan.csv; csv != "" {
		files = append(files, csv)
	}
	for _, path := range files {
		sum, err := contentOf(path)
		if err != nil {
			return nil, err
		}
		if sum != "" {
			out["the content of "+path] = sum
		}
	}
	return out, nil
}

// contentOf gives a file's hash, "" for something that cannot be read twice.
func contentOf(path string) (string, error) {
	info, err := os.Stat(path)
	if path == "" || err == nil && !info.Mode().IsRegular() {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)[:8]), nil
}
