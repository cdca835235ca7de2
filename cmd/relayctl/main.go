// Command relayctl plays both ends of Relay's push-event webhook.
//
// This package turns flags, environment variables and profiles into typed
// options, starts what they ask for, and decides the exit code. It is the only
// user of cobra and pflag; the packages behind it know nothing of flags.
//
// Begin with root.go, which lists the commands. A command's file declares its
// flags and runs it; settings.go resolves the values of flags, profile.go reads
// relayctl.yaml, flags.go has the kinds of flags, errors.go the exit codes.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"relayctl/internal/mask"
	"relayctl/internal/quiet"
	"relayctl/internal/report/term"
)

func main() {
	quiet.Restore()
	// What a library writes by itself, as net/http of an unsolicited answer, would
	// bypass --quiet and what keeps foreign text from the terminal.
	log.SetOutput(io.Discard)
	ctx, stop := context.WithCancel(context.Background())
	kill, stopNow := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		<-signals
		stopNow()
		// Whatever does not end by itself now ends like any interrupted program.
		signal.Stop(signals)
	}()
	hangups := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(hangups, syscall.SIGHUP)
	}
	os.Exit(run(ctx, kill, hangups, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// run is the whole program: it returns the exit code and touches nothing of
// the process but the files and addresses that the arguments name. ctx ends it
// in good order, kill at once. hangups brings SIGHUP, which listen takes for
// something else than the end; it may be nil.
func run(ctx, kill context.Context, hangups <-chan os.Signal, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	secrets := &mask.Mask{}
	plain := secrets.Writer(stdout)
	gate, errors := term.NewGates(plain, secrets.Writer(stderr))
	screen := term.NewScreen(errors)
	a := &app{
		args: args, environ: environ, interrupt: ctx, stop: stop, kill: kill, hangups: hangups, stdin: stdin,
		secrets: secrets, stdout: gate, plain: plain, errors: screen, stderr: screen, profile: &profile{},
	}
	a.learn(args...)
	root := newRootCmd(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	help := &libraryOut{w: gate}
	root.SetOut(help)
	root.SetErr(errors)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = environment(help.err)
	}
	code := a.exit(err)
	for _, g := range []*term.Gate{gate, errors} {
		_ = g.Flush() // what does not end with a line break was shown as far as it could be
	}
	return code
}

// libraryOut is stdout for what cobra prints by itself: help, versions and completions.
// It keeps the first error of writing, which cobra would not pass on.
type libraryOut struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (o *libraryOut) Write(p []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.w.Write(p)
	}
	return len(p), nil
}

// Unwrap gives the writer behind, by which its terminal is found.
func (o *libraryOut) Unwrap() io.Writer { return o.w }
