package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report"
)

// diffArgs reads what --diff compares: two requests by their numbers, or two captures
// by their paths. The second one follows the flag as a word of its own, which the
// flags' parser takes for an argument; a comma between numbers serves too.
func (o *inspectOptions) diffArgs(s *settings, raw, args []string) (d diffArgs, rest []string, err error) {
	if !s.given("diff") {
		return d, args, nil
	}
	first, second, both := strings.Cut(strings.ReplaceAll(strings.TrimSpace(o.diff), " ", ","), ",")
	number := func(text string) (uint64, error) { return strconv.ParseUint(strings.TrimPrefix(text, "#"), 10, 64) }
	if _, err := number(first); err != nil && isPath(o.diff) {
		if len(args) != 1 {
			return d, nil, errors.New("--diff of captures takes two files: --diff before.jsonl after.jsonl")
		}
		return diffArgs{files: true}, []string{o.diff, args[0]}, nil
	}
	if !both {
		second = wordAfterDiff(raw)
		for i, arg := range args {
			if arg == second && second != "" {
				args = append(args[:i:i], args[i+1:]...)
				break
			}
		}
	}
	var errA, errB error
	d.a, errA = number(first)
	d.b, errB = number(second)
	if errA != nil || errB != nil || d.a == 0 || d.b == 0 {
		return d, nil, errors.New("--diff takes the numbers of two requests, such as --diff 17 19, or two captures, such as --diff before.jsonl after.jsonl")
	}
	if len(args) == 0 {
		return d, nil, errors.New("relayctl inspect needs a capture, or - for stdin")
	}
	return d, args, nil
}

// isPath says whether a text is a path rather than a number with a slip.
func isPath(text string) bool {
	_, err := os.Stat(text)
	return err == nil || strings.ContainsAny(text, "./")
}

// diffArgs are two requests of one capture, or none where two captures are compared.
type diffArgs struct {
	a, b  uint64
	files bool
}

func (d diffArgs) given() bool { return d.files || d.a > 0 }

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

// inspectAnswers compares what was answered to the same events in two captures.
func (a *app) inspectAnswers(ctx context.Context, o *inspectOptions, files *captures) error {
	before, after := &captures{files: files.files[:1]}, &captures{files: files.files[1:]}
	var held capture.Answers
	err := before.each(a, func(n uint64, rec *capture.Record) error {
		held.Add(n, rec)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	out := report.NewAnswers(a.stdout, a.style(a.stdout), o.output == "json")
	sum := report.AnswersSummary{FileA: files.files[0].name, FileB: files.files[1].name, Dropped: held.Dropped, ByPart: map[string]int{}}
	err = after.each(a, func(n uint64, rec *capture.Record) error {
		first, pairing := held.Match(rec)
		switch pairing {
		case capture.Alone:
			sum.OnlyB++
			return ctx.Err()
		case capture.Further:
			sum.MoreB++
			return ctx.Err()
		}
		differences := capture.DiffAnswers(first.Record, rec)
		if len(differences) == 0 {
			sum.Same++
			return ctx.Err()
		}
		sum.Differ++
		for _, d := range differences {
			sum.ByPart[report.PartOf(d)]++
		}
		out.Difference(report.ComparedAnswers{A: first, B: capture.Answered{Number: n, Record: rec}, Customer: firstCustomer(rec.Body), Differences: differences})
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	sum.OnlyA, sum.MoreA = held.Left()
	if err := environment(out.Finish(sum)); err != nil {
		return err
	}
	if sum.Same+sum.Differ == 0 && sum.OnlyA+sum.OnlyB > 0 {
		return &exitError{code: exitFellShort, err: errors.New("the two captures have no event in common"), hint: "--fresh-ids gives what is sent again other ids; leave it out to compare"}
	}
	if before.corrupt+after.corrupt > 0 {
		return silent(exitFellShort)
	}
	return nil
}

// firstCustomer is the customer of a body's first event, "" for none.
func firstCustomer(body []byte) string {
	_, members, _ := event.Split(body)
	if len(members) == 0 {
		return ""
	}
	env, _ := event.Decode(members[0])
	customer, _ := judge.JourneyKey(&env)
	return customer
}

// nothingWith refuses flags that have no effect beside one.
func nothingWith(s *settings, one string, others ...string) error {
	for _, other := range others {
		if s.given(one) && s.typed(other) {
			return fmt.Errorf("--%s has no effect with --%s", other, one)
		}
	}
	return nil
}
