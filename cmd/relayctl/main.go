// Command relayctl plays both ends of Relay's push-event webhook: it sends
// events as Relay does, receives them as an endpoint should, and checks an
// endpoint's conformance.
package main

import (
	"context"
	"io"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code. It is the only way
// into the program: nothing below it exits, and nothing but the process's
// environment and working directory reaches it otherwise.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(stdin, stdout, stderr)
	err := a.execute(ctx, args)
	if werr := a.out.Err(); err == nil && werr != nil {
		err = environmentf("cannot write the output: %w", werr)
	}
	return a.conclude(err)
}
