package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/input"
	"relayctl/internal/recv"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/localca"
	"relayctl/internal/report"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

// listenRenderer is what listen shows its receipts with.
type listenRenderer interface {
	Listening(report.Banner) error
	Receipt(*judge.Receipt)
	Flush() error
	Finish(judge.Summary, []string) error
}

func (a *app) listenRenderer(o *listenOptions) listenRenderer {
	if o.output == "json" {
		return report.NewListenJSON(a.stdout, o.verbose)
	}
	t := report.NewListenText(a.stdout, a.style(a.stdout), o.verbose)
	t.Quiet = a.global.quiet
	return t
}

func (a *app) listen(ctx context.Context, o *listenOptions, s *settings, _ []string) error {
	if o.interactive {
		if err := a.verifyKeyboard(o.output); err != nil {
			return err
		}
	}
	r, err := o.prepare(a, s)
	if err != nil {
		return usage(err)
	}
	if r.config.TLS == recv.TLSAuto && o.cert == "" {
		if r.config.Authority, err = a.authority(); err != nil {
			return err
		}
	}
	if o.capture == "" {
		return a.serve(ctx, o, r)
	}
	w, err := a.openCapture(o, r)
	if err != nil {
		return err
	}
	r.config.Capture = w
	stop := a.reopenOnHangup(w)
	if r.sync == capture.Always {
		defer oneMoreProcessor()()
	}
	err = a.serve(ctx, o, r)
	stop()
	return closing(w, err)
}

// oneMoreProcessor raises GOMAXPROCS by one until back is called. A goroutine that waits
// for the disk keeps its processor during most of the wait; on two cores that is half of
// the machine.
func oneMoreProcessor() (back func()) {
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + 1)
	return func() { runtime.GOMAXPROCS(before) }
}

// closing closes the capture of a run that ended with err. With --sync interval the last
// records may fail to be written only here; that weighs more than a verdict.
func closing(w io.Closer, err error) error {
	if cerr := w.Close(); cerr != nil && exitCode(exitOK, err) <= exitFellShort {
		return environment(cerr)
	}
	return err
}

// openCapture opens the capture for writing.
func (a *app) openCapture(o *listenOptions, r listenRun) (*capture.Writer, error) {
	if err := noOtherFile(o.capture); err != nil {
		return nil, usage(fmt.Errorf("--capture: %w", err))
	}
	if err := writable(o.capture); err != nil {
		return nil, environment(fmt.Errorf("--capture: %w", err))
	}
	w, err := capture.Open(o.capture, capture.Options{Sync: r.sync, MaxBytes: r.limit, Notice: a.notice, Mask: a.secrets})
	switch {
	case errors.Is(err, capture.ErrNotRegular):
		return nil, usage(fmt.Errorf("--%w", err))
	case err != nil:
		return nil, environment(fmt.Errorf("--capture: %w", input.Unwritable(o.capture, err)))
	}
	return w, nil
}

// reopenOnHangup opens the capture again on each SIGHUP, as logrotate asks for it,
// until the function that it returns is called.
func (a *app) reopenOnHangup(w *capture.Writer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-a.hangups:
				w.Reopen()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// notice tells the user something at once. While the keyboard view owns the screen, it
// waits for the end of the view.
func (a *app) notice(msg string) {
	if !a.view.Load().hold(msg) {
		fmt.Fprintln(a.errors, "relayctl:", term.Clean(msg))
	}
}

// authority is the local CA, made where there is none yet.
func (a *app) authority() (*localca.Authority, error) {
	dir, err := configDir(a.env)
	if err != nil {
		err = fmt.Errorf("there is no folder for the local CA: %w", err)
	}
	var ca *localca.Authority
	if err == nil {
		ca, err = localca.Load(dir)
	}
	if err != nil {
		return nil, &exitError{code: exitEnvironment, err: err, hint: "--tls off, or --cert with --key, needs no CA; $XDG_CONFIG_HOME says where to keep one"}
	}
	return ca, nil
}

// listenMemory is what a listener that runs all day may grow to before it collects
// garbage more often.
const listenMemory = 140 << 20

// memory is the soft limit of the process, in bytes: listenMemory, and room for what a
// session keeps, if there is one.
func (o *listenOptions) memory() int64 {
	if o.watched() {
		return listenMemory + 2*session.MostBytes
	}
	return listenMemory
}

// watched says whether somebody looks at the session of the receiver.
func (o *listenOptions) watched() bool { return o.ui.addr != "" || o.interactive }

// serve listens until it is told to end, or until what was expected has come.
func (a *app) serve(ctx context.Context, o *listenOptions, r listenRun) error {
	// Garbage is collected seldom as long as the process is small, and earlier when
	// it is not: an eighth less CPU time for a request than at a fixed percentage.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(o.memory()))
	ctx, done := context.WithCancel(ctx)
	defer done()
	if o.lasts > 0 {
		ctx, done = context.WithTimeout(ctx, o.lasts)
		defer done()
	}
	out := a.listenRenderer(o)
	var broken atomic.Bool // the output cannot be written any more
	r.config.Observe = func(rc *judge.Receipt) {
		out.Receipt(rc)
		if !rc.More && out.Flush() != nil && !broken.Swap(true) {
			done()
		}
	}
	r.config.Enough = func(s *judge.Summary) bool {
		return o.expect > 0 && s.Accepted >= o.expect || o.failFast && len(s.Failures(r.failOn)) > 0
	}
	r.config.Notice = a.notice
	var receiver *recv.Receiver
	var seen *session.Session
	if o.watched() {
		seen = a.listenSession(o, &r, &receiver)
	}
	inspector, err := a.inspectListen(o, seen, &receiver)
	if err != nil {
		return err
	}
	defer inspector.end()
	keys := &keyboard{}
	if o.interactive {
		r.config.Observe = nil
	}
	if receiver, err = a.bind(o, r, out); err != nil {
		return err
	}
	inspector.begin(a)
	if o.interactive {
		a.beginKeyboard(keys, seen, receiver.URL(), inspector, done)
	}
	served := make(chan error, 1)
	go func() { served <- receiver.Serve(ctx) }()
	select {
	case err = <-served:
		keys.end(a)
	case <-a.kill.Done():
		keys.end(a)
		return silent(exitInterrupted)
	}
	if err != nil && !errors.Is(err, recv.ErrStuck) {
		return environment(err)
	}
	return a.conclude(o, r, receiver, out, err != nil, broken.Load())
}

// bind opens the port and says where it is.
func (a *app) bind(o *listenOptions, r listenRun, out listenRenderer) (*recv.Receiver, error) {
	receiver, err := recv.New(r.config)
	if err != nil {
		var listen *recv.ListenError
		if errors.As(err, &listen) {
			return nil, err
		}
		return nil, usage(o.ofFile(err))
	}
	banner := report.Banner{URL: receiver.URL(), CA: receiver.CAFile(), Auth: o.auth.curlAuth(), Token: o.auth.curlToken(), Apps: appsShown(r.config.Forward)}
	banner.Seed, banner.Chance = receiver.Seed()
	if err := out.Listening(banner); err != nil {
		receiver.Close()
		return nil, environment(err)
	}
	if where := reach(o.addr); where != "" {
		a.notice("other machines can reach it: it listens on " + where + ", not on loopback")
	}
	return receiver, nil
}

// ofFile words the error of a file that cannot be read by the flag that names it.
func (o *listenOptions) ofFile(err error) error {
	file := new(input.FileError)
	if !errors.As(err, &file) {
		return err
	}
	for _, f := range []struct{ flag, path string }{{"rules", o.rules}, {"cert", o.cert}, {"key", o.key}} {
		if f.path == file.Path {
			return fmt.Errorf("--%s: %w", f.flag, file)
		}
	}
	return err
}

// reach names the addresses that a listener on addr has, "" for loopback, which
// other machines cannot reach.
func reach(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "" || host == "localhost" { // without a host it is loopback
		return ""
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.IsUnspecified():
		return "all addresses of this machine"
	case err == nil && ip.IsLoopback():
		return ""
	}
	return host
}

// conclude writes the summary and returns the verdict. A stuck renderer waits
// for a reader and writes nothing more; broken says that the output had failed
// before.
func (a *app) conclude(o *listenOptions, r listenRun, receiver *recv.Receiver, out listenRenderer, stuck, broken bool) error {
	sum := receiver.Summary()
	failures := sum.Failures(r.failOn)
	if sum.Accepted < o.expect {
		failures = append(failures, fmt.Sprintf("%d of %d expected events answered 200", sum.Accepted, o.expect))
	}
	err := errUnread
	if !stuck {
		err = a.finish(func() error { return out.Finish(sum, failures) })
	}
	switch {
	case errors.Is(err, errUnread):
		fmt.Fprintf(a.errors, "relayctl: the output is not read any more: %d receipts and the summary were not shown\n", sum.Dropped)
	case err != nil && !broken:
		return environment(err)
	}
	if sum.Unstored > 0 {
		return environment(fmt.Errorf("the capture could not always be written: requests that are not stored: %d", sum.Unstored))
	}
	if len(failures) > 0 {
		return silent(exitFellShort)
	}
	return nil
}

// finishTime is how long the reader of the output has for the summary.
const finishTime = 2 * time.Second

var errUnread = errors.New("nobody reads the output")

// finish writes the summary, and gives up on a reader that does not take it in
// time.
func (a *app) finish(write func() error) error {
	done := make(chan error, 1)
	go func() { done <- write() }()
	timer := time.NewTimer(finishTime)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-a.kill.Done():
	case <-timer.C:
	}
	return errUnread
}

// curlAuth gives the credentials of the ready-made curl line, secrets as the
// shell finds them.
func (o *authOptions) curlAuth() string {
	switch o.kind {
	case auth.KindBasic:
		return " -u " + report.ShellQuote(o.username+":") + inShell(o.password, "$RELAY_PASSWORD")
	case auth.KindAPIKey:
		return " -H 'ApiKey: '" + inShell(o.apiKey, "$RELAY_API_KEY")
	case auth.KindOAuth:
		return ` -H "Authorization: Bearer $TOKEN"`
	}
	return ""
}

// curlToken gives the credentials of the call that gets $TOKEN.
func (o *authOptions) curlToken() string {
	if o.kind == auth.KindOAuth {
		return " -u " + report.ShellQuote(o.clientID+":") + inShell(o.clientSecret, "$RELAY_CLIENT_SECRET")
	}
	return ""
}

// inShell is what the shell makes a secret of: it is looked up where the flag
// says that it is, and a variable stands for a literal.
func inShell(secret, variable string) string {
	if name, ok := strings.CutPrefix(secret, "env:"); ok && isIdentifier(name) {
		variable = "$" + name
	}
	if path, ok := strings.CutPrefix(secret, "file:"); ok {
		variable = "$(cat " + report.ShellQuote(path) + ")"
	}
	return `"` + variable + `"`
}

// isIdentifier says whether a shell can have a variable of that name.
func isIdentifier(name string) bool {
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == "" && name[0] > '9'
}
