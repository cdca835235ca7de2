package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/capture"
	"relayctl/internal/sim/plan"
)

// replayOptions are the flags of send that say what of a capture is sent, and how.
type replayOptions struct {
	selection selectionOptions
	once      bool
	freshIDs  bool
}

func (o *replayOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "What of a capture")()
	o.selection.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.once, "once", false, "each event once, without the repetitions that were recorded")
	f.BoolVar(&o.freshIDs, "fresh-ids", false, "give the events of a file or capture new event ids, so that a receiver which remembers takes them for new")
}

// replay makes the plan's part of the flags.
func (o *replayOptions) replay(a *app, sources []plan.Source) (r plan.Replay, err error) {
	recorded := func(s plan.Source) bool { return s.Kind == plan.CaptureFile || s.Kind == plan.Piped }
	file := func(s plan.Source) bool { return s.Kind == plan.EventFile || recorded(s) }
	switch {
	case o.selection.given() && !slices.ContainsFunc(sources, recorded):
		return r, errors.New("--request and the other flags that select from a capture have no effect: no capture is sent (--events selects events by name)")
	case o.once && !slices.ContainsFunc(sources, recorded):
		return r, errors.New("--once has no effect: no capture is sent")
	case o.freshIDs && !slices.ContainsFunc(sources, file):
		return r, errors.New("--fresh-ids has no effect: events of a scenario or campaign have new ids in every run")
	}
	r = plan.Replay{Once: o.once, FreshIDs: o.freshIDs}
	r.Select, err = o.selection.filter(a, func() (time.Time, error) { return capturesEnd(sources) })
	return r, err
}

// capturesEnd is when the last request of the captures was received.
func capturesEnd(sources []plan.Source) (end time.Time, err error) {
	for _, s := range sources {
		if s.Kind == plan.Piped {
			return end, usage(fmt.Errorf("%s is read once, so its end is not known before: give --since and --until with a date, or a file", s.Name))
		}
		if s.Kind != plan.CaptureFile {
			continue
		}
		last, err := lastReceived(s.Path)
		if err != nil {
			return end, environment(err)
		}
		if last.After(end) {
			end = last
		}
	}
	return end, nil
}

func lastReceived(path string) (time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return capture.LastReceived(f, info.Size())
}
