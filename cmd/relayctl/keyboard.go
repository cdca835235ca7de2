package main

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"relayctl/internal/report"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
	"relayctl/internal/session/tui"
)

// interactiveFlag declares -i.
func interactiveFlag(cmd *cobra.Command, on *bool) {
	defer group(cmd, "Inspector")()
	cmd.Flags().BoolVarP(on, "interactive", "i", false, "show the requests in the keyboard view; it needs a terminal, and ? lists its keys")
}

// verifyKeyboard refuses the keyboard view where it cannot be shown.
func (a *app) verifyKeyboard(output string) error {
	in, ok := a.stdin.(*os.File)
	switch {
	case output == "json":
		return usageError("--interactive excludes --output json")
	case !ok || !xterm.IsTerminal(int(in.Fd())) || !term.IsTerminal(a.stdout):
		return usageError("--interactive needs a terminal for stdin and stdout; --ui shows the same in a browser")
	}
	if kind, _ := a.env("TERM"); kind == "dumb" || kind == "" && runtime.GOOS != "windows" {
		return usageError("--interactive needs a terminal that can move its cursor, and TERM is %q; --ui shows the same in a browser", kind)
	}
	return nil
}

// mostHeld bounds the notices that wait for the end.
const mostHeld = 100

// keyboard is the running keyboard view. It is nil without --interactive.
type keyboard struct {
	stop  context.CancelFunc
	done  chan error
	shown chan string // notices for the view; nil while there is none

	mu    sync.Mutex
	held  []string // notices, which would spoil the screen
	ended bool
}

// hold keeps a notice for the end, and lets the view show it; false means that the screen
// is free.
func (k *keyboard) hold(text string) bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return false
	}
	if len(k.held) < mostHeld {
		k.held = append(k.held, text)
	}
	select {
	case k.shown <- text:
	default: // the view is behind
	}
	return true
}

// release returns what was held. From now on nothing is.
func (k *keyboard) release() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	return k.held
}

// beginKeyboard shows a session until end, and calls quit when the person ends it. It
// shows notices too, which are told again at the end.
func (a *app) beginKeyboard(k *keyboard, s *session.Session, title string, i *inspector, quit func()) {
	ctx, stop := context.WithCancel(context.Background())
	k.stop, k.done, k.shown = stop, make(chan error, 1), make(chan string, mostHeld)
	a.view.Store(k)
	// The gate would take the cursor for an attack: the view cleans what it shows itself.
	terminal := term.File(a.stdout)
	keys, _ := a.stdin.(*os.File) // verifyKeyboard has seen to it
	cfg := tui.Config{Session: s, In: keys, Out: terminal, Style: a.style(terminal), Title: title, Inspector: i.where(), Notices: k.shown, Mask: a.secrets.Text}
	if i != nil {
		cfg.Browse = func() error { return a.browse(i.server.Invite()) }
	}
	go func() {
		defer quit()
		k.done <- tui.Run(ctx, cfg)
	}()
}

// end gives the terminal back and tells what was held.
func (k *keyboard) end(a *app) {
	if k == nil || k.stop == nil {
		return
	}
	k.stop()
	err := <-k.done
	k.stop = nil
	held := k.release()
	if err != nil {
		a.notice("the keyboard view ended: " + err.Error())
	}
	for _, text := range held {
		a.notice(text)
	}
}

// inspectKeyboard shows a capture in the keyboard view, and in a browser where that is
// asked for, until q or ctx's end.
func (a *app) inspectKeyboard(ctx context.Context, o *inspectOptions, files *captures) error {
	if err := a.verifyKeyboard(o.output); err != nil {
		return err
	}
	s, err := a.captureSession(ctx, o, files)
	switch {
	case err != nil && ctx.Err() != nil:
		return silent(exitInterrupted)
	case err != nil:
		return environment(err)
	}
	defer s.Close()
	title := strings.Join(files.names(), ", ")
	var i *inspector
	if o.ui.addr != "" {
		if i, err = a.newInspector(o.ui, s, func() string { return title }); err != nil {
			return err
		}
	}
	defer i.end()
	i.begin(a)
	whole := ctx
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	k := &keyboard{}
	a.beginKeyboard(k, s, title, i, quit)
	<-ctx.Done()
	k.end(a)
	if whole.Err() != nil {
		return nil
	}
	return a.concludeKeyboard(whole, o, files)
}

// mostConcluded is the size of captures whose summary is there at once.
const mostConcluded = 64 << 20

// concludeKeyboard writes the summary of the captures that were looked at; of large ones
// it says what does.
func (a *app) concludeKeyboard(ctx context.Context, o *inspectOptions, files *captures) error {
	size, quoted := int64(0), []string{}
	for _, file := range files.files {
		if info, err := file.disk.Stat(); err == nil {
			size += info.Size()
		}
		quoted = append(quoted, report.ShellQuote(file.name))
	}
	if size > mostConcluded {
		a.hint("relayctl inspect %s --list reads it all, and ends with the summary", strings.Join(quoted, " "))
		return nil
	}
	in, read, err := files.inspection(ctx)
	switch {
	case ctx.Err() != nil:
		return silent(exitInterrupted)
	case err != nil:
		return environment(err)
	}
	sum := report.Inspected{Inspection: in, Files: files.names(), Read: read.records, Skipped: read.skipped, Listed: true}
	return environment(a.inspectRenderer(o).Finish(sum))
}
