// Command relayctl plays both ends of Relay's push-event webhook.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"relayctl/internal/report"
)

func main() {
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
	os.Exit(run(ctx, kill, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}

// run is the whole program: it returns the exit code and touches nothing of
// the process but the files and addresses that the arguments name. ctx ends it
// in good order, kill at once.
func run(ctx, kill context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	a := &app{args: args, kill: kill, stdin: stdin, stdout: stdout, stderr: report.NewScreen(stderr), env: env}
	root := newRootCmd(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.exit(root.ExecuteContext(ctx))
}
