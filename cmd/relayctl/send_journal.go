package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
	f.StringVar(&o.path, "journal", "", "note what came of every event in this `file`, so that --resume can go on after a crash")
	f.BoolVar(&o.resume, "resume", false, "go on with the run of --journal: nothing that was accepted is sent again; give the same arguments (seed and start come from the journal)")
}

// continued takes the seed and the start from the journal that is resumed,
// before the plan is made of them.
func (o *journalOptions) continued(a *app, cmd *cobra.Command) error {
	if !o.resume {
		return nil
	}
	if o.path == "" {
		return errors.New("--resume needs the --journal FILE of the run to go on with")
	}
	header, ok, err := sim.ReadJournalHeader(o.path)
	if err != nil {
		return fmt.Errorf("--journal: %w", err)
	}
	if !ok {
		fmt.Fprintf(a.stderr, "warning: there is no journal %s to resume: the run begins anew\n", o.path)
		return nil
	}
	for name, value := range map[string]string{
		"seed": strconv.FormatUint(header.Seed, 10), "start": header.Start.Format(time.RFC3339Nano),
	} {
		f := cmd.Flags().Lookup(name)
		if f.Changed && f.Value.String() != startNow {
			continue // opening the journal compares it
		}
		if err := cmd.Flags().Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// open opens the journal of a run, nil without --journal.
func (o *journalOptions) open(cmd *cobra.Command, args []string, r *sendRun) (*sim.Journal, error) {
	if o.path == "" {
		return nil, nil
	}
	planArgs, err := planArguments(cmd, args, r)
	if err != nil {
		return nil, usage(err)
	}
	header := sim.JournalHeader{Seed: r.plan.Seed, Start: r.plan.Start, Args: planArgs}
	j, err := sim.OpenJournal(o.path, header, o.resume)
	var file *fs.PathError
	if errors.As(err, &file) {
		return nil, environment(fmt.Errorf("--journal: %w", err))
	}
	return j, usage(err)
}

// planArguments are the arguments that decide what is sent where: a run that
// is continued has to have the same. Files count by their content.
func planArguments(cmd *cobra.Command, args []string, r *sendRun) (map[string]string, error) {
	out := map[string]string{"WHAT": strings.Join(args, " ")}
	for _, name := range []string{
		"records", "csv", "count", "events", "set", "unset", "batch", "batch-shape",
		"reorder", "reorder-window", "duplicates", "lost-acks",
	} {
		if f := cmd.Flags().Lookup(name); f.Value.String() != f.DefValue {
			out["--"+name] = f.Value.String()
		}
	}
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
	if r.files.in != nil {
		files = append(files, r.files.in.Name())
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

// contentOf gives a file's hash, "" for what is no file that can be read twice.
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
