package main

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	selection selectionOptions
	list      bool
	journeys  int
	curl      uint64
	diff      string
	to        string
	har       string
	failOn    string
	output    string
	ui        uiOptions
	// interactive asks for the keyboard view.
	interactive bool
}

func newInspectCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "inspect CAPTURE...",
		Short: "Read a capture back: journeys in true order, duplicates, gaps",
		Long: `Read a capture of "listen" back: the journeys of the last customers, in true
order by event_ts, with every arrival of every event, and exact totals. Several
files are put together by arrival: the parts of a rotated capture, or those of
several listeners, whose duplicates and disorder are judged across them.
Requests are numbered from 1 over all files; --curl and --diff take these
numbers, and so does "send CAPTURE --request N", which sends one again. - reads
stdin. --diff of two captures compares what was answered to the same events:
what an app answered before a change, and after it.

--ccid, --event, --id, --status, --badge, --since, --until and --request show a
part of the capture; order and repetitions are judged over all of it. A line
that a crash cut short is skipped with a warning.

The exit code is 0 when the capture could be read, whatever is in it; 1 when
--fail-on finds something, a line is corrupt, or nothing matches; 2 when a file
is missing, empty or not a capture, or has no request of that number.`,
		Example: `  relayctl inspect events.jsonl
  relayctl inspect events.*.jsonl events.jsonl --since 10m
  relayctl inspect events.jsonl --ccid 1002 --event 'notification.*'
  relayctl inspect events.jsonl --list --status 5xx --since 14:00 --until 15:00
  relayctl inspect events.jsonl --curl 17 --to http://127.0.0.1:3000/relay | sh
  relayctl inspect events.jsonl --diff 17 19
  relayctl inspect --diff before.jsonl after.jsonl`,
		Args: atLeastOne("a capture, or - for stdin"),
	}, a.inspect)
}

func (o *inspectOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	end := group(cmd, "What is shown")
	o.selection.flags(cmd)
	f.BoolVar(&o.list, "list", false, "one line a request, in the order of arrival, in place of the journeys")
	f.IntVar(&o.journeys, "journeys", 10, "how many customers' journeys are shown, 0 for all that are kept (default 10; all with --output json)")
	within(cmd, "0", "", "journeys")
	end()
	end = group(cmd, "One request")
	f.Uint64Var(&o.curl, "curl", 0, "print request `N` as a curl command that repeats it byte for byte")
	f.StringVar(&o.diff, "diff", "", "print how two requests differ, or the answers in two captures: --diff `A B`")
	f.StringVar(&o.to, "to", "", "the endpoint's `URL` for --curl and --har; without a path it gets the request's own (default the app's that answered)")
	end()
	end = group(cmd, "Verdict and output")
	f.StringVar(&o.har, "har", "", "write the selected requests and their answers to a `FILE` in the HTTP Archive format (HAR 1.2), without credentials")
	writes(cmd, "har")
	failOnFlag(cmd, &o.failOn, "never", "")
	outputFlag(cmd, &o.output, "one object a line")
	end()
	o.ui.flags(cmd)
	interactiveFlag(cmd, &o.interactive)
}

func (a *app) inspect(ctx context.Context, o *inspectOptions, s *settings, args []string) error {
	failOn, err := judge.ParseFailOn(o.failOn)
	if err != nil {
		return usageError("--%w", err)
	}
	if err := a.notUI(args); err != nil {
		return err
	}
	diff, args, err := o.diffArgs(s, a.args, args)
	if err != nil {
		return usage(err)
	}
	curl := s.given("curl")
	if curl && o.curl == 0 {
		return usageError("--curl: requests are numbered from 1")
	}
	if curl && diff.given() {
		return usageError("--curl and --diff exclude each other")
	}
	if err := o.refuse(s); err != nil {
		return usage(err)
	}
	files, err := openCaptures(ctx, args, a.stdin)
	if err != nil {
		return usage(err)
	}
	defer files.close()
	if len(files.empty) > 0 {
		if diff.files {
			return usage(holdsNothing(files.empty...))
		}
		a.warn("%v", holdsNothing(files.empty...))
	}
	switch {
	case curl:
		return a.inspectCurl(o, files)
	case diff.files:
		return a.inspectAnswers(ctx, o, files)
	case diff.given():
		return a.inspectDiff(o, files, diff.a, diff.b)
	}
	switch {
	case o.interactive:
		return a.inspectKeyboard(ctx, o, files)
	case o.ui.addr != "":
		return a.inspectUI(ctx, o, files)
	}
	sel, err := o.selection.filter(a, func() (time.Time, error) {
		end, err := files.end()
		return end, environment(err)
	})
	if err != nil {
		return err
	}
	return a.inspectAll(ctx, o, s, files, sel, failOn)
}

// refuse refuses flags that others leave without effect.
func (o *inspectOptions) refuse(s *settings) error {
	whole := append(selectionFlags(), "list", "journeys", "fail-on", "har")
	if s.typed("to") && !s.given("curl") && !s.given("har") && !s.given("ui") && !o.interactive {
		return errors.New("--to has no effect without --curl, --har, --ui or --interactive")
	}
	return errors.Join(nothingWith(s, "curl", whole...), nothingWith(s, "diff", whole...), nothingWith(s, "list", "journeys"), nothingWith(s, "ui", append(whole, "curl", "diff", "output")...), nothingWith(s, "interactive", append(whole, "curl", "diff", "output")...))
}

// inspectRenderer is what inspect shows its findings with.
type inspectRenderer interface {
	// Request lists the selected receipts of one request.
	Request(receipts []*judge.Receipt) error
	Journey(j *judge.Journey, most int) error
	Finish(s report.Inspected) error
}

// mostDrawn is how many events of a customer are drawn unasked.
const mostDrawn = 50

func (a *app) inspectAll(ctx context.Context, o *inspectOptions, s *settings, files *captures, sel capture.Filter, failOn judge.FailOn) error {
	// Much is kept and little is thrown away: collecting garbage earlier costs
	// little and keeps the process small.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	in := judge.NewInspection(sel)
	out := a.inspectRenderer(o)
	har, err := a.openHAR(o)
	if err != nil {
		return err
	}
	defer har.discard()
	unselected := unselected{}
	err = files.each(a, func(n uint64, rec *capture.Record) error {
		selected := in.Add(rec)
		unselected.add(rec, len(selected) > 0)
		har.add(rec, selected)
		if o.list && len(selected) > 0 {
			if err := out.Request(selected); err != nil {
				return environment(err)
			}
		}
		if n%1024 == 0 {
			return ctx.Err()
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return err
	}
	journeys, most := o.shownJourneys(s, in)
	for i := range journeys {
		if err := out.Journey(&journeys[i], most); err != nil {
			return environment(err)
		}
	}
	if in.Requests == 0 && files.records > 0 && ctx.Err() == nil && o.output != "json" {
		return unselected.err(o, sel, in, files.records)
	}
	sum := report.Inspected{Inspection: in, Files: files.names(), Read: files.records, Skipped: files.skipped, Shown: len(journeys), Listed: o.list, Failures: in.Failures(failOn)}
	if err := out.Finish(sum); err != nil {
		return environment(err)
	}
	if err := har.write(); err != nil {
		return err
	}
	files.hint(a)
	if missing := sel.Requests.Beyond(files.records); missing != "" && ctx.Err() == nil && in.Requests > 0 {
		a.warn("%s", missing)
	}
	switch {
	case ctx.Err() != nil:
		return silent(exitInterrupted)
	case in.Requests == 0 && files.records > 0:
		return unselected.err(o, sel, in, files.records)
	case len(sum.Failures) > 0, files.corrupt > 0:
		return silent(exitFellShort)
	}
	return nil
}

func (a *app) inspectRenderer(o *inspectOptions) inspectRenderer {
	if o.output == "json" {
		return report.NewInspectJSON(a.stdout)
	}
	return report.NewInspectText(a.stdout, a.style(a.stdout))
}

// shownJourneys are the journeys to draw, and how many events of each at most, 0
// for all.
func (o *inspectOptions) shownJourneys(s *settings, in *judge.Inspection) (journeys []judge.Journey, most int) {
	switch {
	case o.list:
		return nil, 0
	case len(o.selection.ccid) > 0, o.output == "json" && !s.given("journeys"):
		return in.Journeys(0), 0
	}
	return in.Journeys(o.journeys), mostDrawn
}
