package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/capture/standin"
	"relayctl/internal/report"
)

// redactOptions are the flags of redact.
type redactOptions struct {
	output string
	salt   string
}

func newRedactCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "redact CAPTURE... -o FILE",
		Short: "Copy a capture without the data of customers",
		Long: `Copy a capture so that it can be given away. Customers, telephone numbers, ids,
names, texts, addresses, paths, headers and what an app answered are replaced by
stand-ins; credentials are gone. All else stays byte for byte, and the copy
validates, inspects and replays like the original, with the same badges and
findings.

A stand-in has the form of what it stands for: a UUID is a UUID, digits are as
many digits with the same zeros in front, letters are letters in the same case.
The same text has the same stand-in everywhere, and two texts never share one.
What stays: names of events and properties and values that Relay documents,
times of events, sizes, statuses, absent values, loopback's and Relay's own
addresses, and words that all programs use. Other names of properties, headers
and parameters are replaced too. Of a body that is not JSON all words and digits
are replaced.

Stand-ins depend on a random salt, which is not told. --salt gives the same ones
again, in every file; who knows it can find out by trial what a number stands
for.`,
		Example: `  relayctl redact events.jsonl -o shared.jsonl
  relayctl redact monday.jsonl --salt env:SALT -o monday-shared.jsonl`,
		Args: atLeastOne("a capture, or - for stdin"),
	}, a.redact)
}

func (o *redactOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "the `FILE` to write; - is stdout")
	writes(cmd, "output")
	secretFlag(cmd, &o.salt, "salt", "text that the stand-ins depend on, of 8 characters or more: the same one, the same stand-ins")
}

// leastSalt is the shortest salt: a shorter one is found by trial.
const leastSalt = 8

func (a *app) redact(ctx context.Context, o *redactOptions, s *settings, args []string) error {
	if !s.typed("output") { // elsewhere it is the output of other commands, such as json
		return usageError("redact needs the file to write: -o FILE, or -o - for stdout")
	}
	salt, err := o.secret(a)
	if err != nil {
		return usage(fmt.Errorf("--salt: %w", err))
	}
	files, err := openCaptures(ctx, args, a.stdin)
	if err != nil {
		return usage(err)
	}
	defer files.close()
	if len(files.empty) > 0 {
		a.warn("%v", holdsNothing(files.empty...))
	}
	maker := standin.New(salt)
	write := func(w io.Writer) error { return copyRedacted(ctx, a, files, maker, w) }
	var told io.Writer = a.stdout
	if o.output == "-" {
		told, err = a.stderr, write(a.data())
	} else {
		err = writeFile(a.interrupt, o.output, write)
	}
	if err != nil {
		return err
	}
	files.hint(a)
	done := report.Redacted{Path: o.output, Requests: files.records, Skipped: files.skipped, Counts: maker.Counts(), Left: maker.Special(), Salted: o.salt != ""}
	if err := environment(report.WriteRedacted(told, a.style(told), done)); err != nil {
		return err
	}
	if files.corrupt > 0 {
		return silent(exitFellShort)
	}
	return nil
}

// secret reads the salt, or draws one.
func (o *redactOptions) secret(a *app) ([]byte, error) {
	if o.salt == "" {
		salt := make([]byte, 32)
		_, _ = rand.Read(salt) // it never fails
		return salt, nil
	}
	s, err := auth.ResolveSecret(a.interrupt, o.salt, a.env)
	if err == nil && len(s.Reveal()) < leastSalt {
		err = fmt.Errorf("it has fewer than %d characters, so it is easily guessed", leastSalt)
	}
	return []byte(s.Reveal()), err
}

// writeFile writes a file beside its path, and puts it there once it is whole.
func writeFile(ctx context.Context, path string, write func(io.Writer) error) error {
	f := &reportFile{path: path}
	if err := f.open(ctx); err != nil {
		return environment(err)
	}
	w := bufio.NewWriterSize(f.out, 256<<10)
	err := write(w)
	if err == nil {
		err = environment(w.Flush())
	}
	if err == nil {
		return environment(f.put())
	}
	f.discard()
	return err
}

func copyRedacted(ctx context.Context, a *app, files *captures, maker *standin.Maker, w io.Writer) error {
	var line []byte
	err := files.each(a, func(_ uint64, rec *capture.Record) error {
		maker.Record(rec)
		line = rec.Append(line[:0])
		if _, err := w.Write(line); err != nil {
			return environment(err)
		}
		return ctx.Err()
	})
	if errors.Is(err, context.Canceled) {
		return silent(exitInterrupted)
	}
	return err
}
