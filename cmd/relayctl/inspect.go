package main

import (
	"fmt"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/report"
	"relayctl/internal/suggest"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	ccid     []string
	events   []string
	since    string
	journeys int
	curl     uint64
	diff     string
	to       string
	failOn   string
	output   string
}

func newInspectCmd(a *app) *cobra.Command {
	o := &inspectOptions{}
	cmd := &cobra.Command{
		Use:   "inspect CAPTURE...",
		Short: "Read a capture back: journeys in true order, duplicates, gaps",
		Long: `Read a capture of "listen" back: the journeys of the customers who were heard of
last, in true order by event_ts, with every arrival of every event, and exact
totals of everything. A request's number counts the records of all the files
that are given, in their order; --curl and --diff take it. - reads stdin.

The order and the repetitions are judged over the whole capture, also where
--since, --ccid and --event show only a part of it. A line that a crash cut
short is skipped with a warning.

The exit code is 0 when the capture could be read, whatever is in it; 1 when
--fail-on finds what it names, a line is corrupt, or nothing matches; 2 for a
file that is missing or no capture.`,
		Example: `  relayctl inspect events.jsonl
  relayctl inspect events.*.jsonl events.jsonl --since 10m
  relayctl inspect events.jsonl --ccid 1002 --event 'notification.*'
  relayctl inspect events.jsonl --curl 17 | sh
  relayctl inspect events.jsonl --diff 17 19`,
		Args: atLeastOne("a capture, or - for stdin"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.inspect(cmd, o, args) },
	}
	f := cmd.Flags()
	end := group(cmd, "What is shown")
	f.StringArrayVar(&o.ccid, "ccid", nil, "only this customer, whole (repeatable)")
	f.StringSliceVar(&o.events, "event", nil, "only these events, as patterns: notification.*")
	f.StringVar(&o.since, "since", "", "only what was received since: a `time` in UTC, or a duration back from the capture's end (10m)")
	f.IntVar(&o.journeys, "journeys", 10, "how many customers' journeys are shown, 0 for all that are held (default 10; all with --output json)")
	end()
	end = group(cmd, "One request")
	f.Uint64Var(&o.curl, "curl", 0, "print request `N` as a curl command that repeats it byte for byte (secrets are shell variables)")
	f.StringVar(&o.diff, "diff", "", "print in what two requests differ: --diff `A B`")
	f.StringVar(&o.to, "to", "https://127.0.0.1:8443", "the endpoint of --curl, a `URL` without a path")
	end()
	end = group(cmd, "Verdict and output")
	f.StringVar(&o.failOn, "fail-on", "never", "a `list` of what makes the exit code 1: error, warning, duplicate, disorder, unexpected-status; or never")
	f.StringVar(&o.output, "output", "text", "text or json (one object a line)")
	end()
	wordsOf(cmd, "event", event.Names)
	words(cmd, "fail-on", "error", "warning", "duplicate", "disorder", "unexpected-status", "never")
	words(cmd, "output", outputs()...)
	return cmd
}

func (a *app) inspect(cmd *cobra.Command, o *inspectOptions, args []string) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	failOn, err := recv.ParseFailOn(o.failOn)
	if err != nil {
		return usageError("--%w", err)
	}
	sel := recv.Selection{Customers: o.ccid}
	if sel.Events, err = a.eventFilter("event", o.events); err != nil {
		return usage(err)
	}
	if o.journeys < 0 {
		return usageError("--journeys must not be negative")
	}
	diffA, diffB, args, err := o.diffNumbers(cmd, a.args, args)
	if err != nil {
		return usage(err)
	}
	curl := cmd.Flags().Changed("curl")
	if curl && o.curl == 0 {
		return usageError("--curl: requests are numbered from 1")
	}
	if curl && diffA > 0 {
		return usageError("--curl and --diff exclude each other")
	}
	files, err := openCaptures(args, a.stdin)
	if err != nil {
		return usage(err)
	}
	defer files.close()
	switch {
	case curl:
		return a.inspectCurl(o, files)
	case diffA > 0:
		return a.inspectDiff(o, files, diffA, diffB)
	}
	if sel.Since, err = files.since(o.since); err != nil {
		return err
	}
	return a.inspectAll(cmd, o, files, sel, failOn)
}

// diffNumbers reads the two numbers of --diff. The second one follows the flag
// as a word of its own, which the flags' parser takes for an argument; a comma
// between them serves too.
func (o *inspectOptions) diffNumbers(cmd *cobra.Command, raw, args []string) (a, b uint64, rest []string, err error) {
	if !cmd.Flags().Changed("diff") {
		return 0, 0, args, nil
	}
	first, second, both := strings.Cut(strings.ReplaceAll(strings.TrimSpace(o.diff), " ", ","), ",")
	if !both {
		second = wordAfterDiff(raw)
		for i, arg := range args {
			if arg == second && second != "" {
				args = append(args[:i:i], args[i+1:]...)
				break
			}
		}
	}
	a, errA := strconv.ParseUint(strings.TrimPrefix(first, "#"), 10, 64)
	b, errB := strconv.ParseUint(strings.TrimPrefix(second, "#"), 10, 64)
	if errA != nil || errB != nil || a == 0 || b == 0 {
		return 0, 0, nil, fmt.Errorf("--diff takes the numbers of two requests, such as --diff 17 19")
	}
	if len(args) == 0 {
		return 0, 0, nil, fmt.Errorf("%s needs a capture, or - for stdin", cmd.CommandPath())
	}
	return a, b, args, nil
}

// wordAfterDiff is the word after --diff A or --diff=A on the command line.
func wordAfterDiff(raw []string) string {
	for i, arg := range raw {
		at := i + 2
		if strings.HasPrefix(arg, "--diff=") {
			at = i + 1
		} else if arg != "--diff" {
			continue
		}
		if at < len(raw) {
			return raw[at]
		}
	}
	return ""
}

// inspectRenderer is what inspect shows its findings with.
type inspectRenderer interface {
	Journey(j *recv.Journey, most int) error
	Finish(s report.Inspected) error
}

// mostDrawn is how many events of a customer are drawn unasked.
const mostDrawn = 50

func (a *app) inspectAll(cmd *cobra.Command, o *inspectOptions, files *captures, sel recv.Selection, failOn recv.FailOn) error {
	// What is held is large and what is thrown away is small: collecting earlier
	// costs little and keeps the process small.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	in := recv.NewInspection(sel)
	err := files.each(a, func(n uint64, rec *capture.Record) error {
		in.Add(rec)
		if n%1024 == 0 && cmd.Context().Err() != nil {
			return silent(exitInterrupted)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var out inspectRenderer = report.NewInspectText(a.stdout, a.style(a.stdout))
	if o.output == "json" {
		out = report.NewInspectJSON(a.stdout)
	}
	shown, most := o.journeys, mostDrawn
	if len(o.ccid) > 0 || o.output == "json" && !cmd.Flags().Changed("journeys") {
		shown, most = 0, 0
	}
	journeys := in.Journeys(shown)
	for i := range journeys {
		if err := out.Journey(&journeys[i], most); err != nil {
			return environment(err)
		}
	}
	sum := report.Inspected{Inspection: in, Files: files.names(), Skipped: files.skipped, Shown: len(journeys), Failures: in.Failures(failOn)}
	if err := out.Finish(sum); err != nil {
		return environment(err)
	}
	files.hint(a)
	switch {
	case in.Requests == 0 && files.records > 0:
		fmt.Fprintf(a.stderr, "relayctl: %s\n", o.nothing(in, files.records))
		return silent(exitFellShort)
	case len(sum.Failures) > 0, files.corrupt > 0:
		return silent(exitFellShort)
	}
	return nil
}

// nothing says that nothing was selected.
func (o *inspectOptions) nothing(in *recv.Inspection, records uint64) string {
	if len(o.ccid) == 1 {
		name := o.ccid[0]
		return fmt.Sprintf("no such event of customer %q among %d requests%s", report.Clean(name), records, suggest.DidYouMean(name, in.Others()))
	}
	return fmt.Sprintf("none of %d requests is selected", records)
}

func (a *app) inspectCurl(o *inspectOptions, files *captures) error {
	if o.output != "text" {
		return usageError("--output %s has no meaning with --curl", o.output)
	}
	u, err := url.Parse(o.to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return usageError("--to: %q is no URL such as https://127.0.0.1:8443 (the path is the request's own)", o.to)
	}
	found, err := files.pick(a, o.curl)
	if err != nil {
		return err
	}
	rec := found[o.curl]
	if rec.Omitted && rec.Method == "POST" {
		return &exitError{code: exitFellShort, err: fmt.Errorf("request %d was recorded without its body, so it cannot be repeated", o.curl)}
	}
	command, variables := report.Curl(rec, strings.TrimSuffix(o.to, "/"), a.localCA(u))
	if len(variables) > 0 {
		fmt.Fprintf(a.stderr, "hint: secrets are not recorded: export %s before you run it\n", strings.Join(variables, ", "))
	}
	_, err = fmt.Fprintln(a.stdout, command)
	return environment(err)
}

// localCA is the certificate of the local authority where it is of use: for
// https to this machine.
func (a *app) localCA(u *url.URL) string {
	host := u.Hostname()
	if u.Scheme != "https" || host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return ""
	}
	dir, err := configDir(a.env)
	if err != nil {
		return ""
	}
	path := recv.CAFile(dir)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func (a *app) inspectDiff(o *inspectOptions, files *captures, x, y uint64) error {
	found, err := files.pick(a, x, y)
	if err != nil {
		return err
	}
	c := report.Compared{NumberA: x, NumberB: y, A: found[x], B: found[y]}
	c.Differences, c.Body = capture.Diff(c.A, c.B)
	if o.output == "json" {
		return environment(report.DiffJSON(a.stdout, c))
	}
	return environment(report.Diff(a.stdout, a.style(a.stdout), c))
}
