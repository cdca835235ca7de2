package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/recv"
	"relayctl/internal/recv/forward"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
	"relayctl/internal/report"
	"relayctl/internal/session"
	"relayctl/internal/session/web"
)

// uiOptions are the flags of the inspector.
type uiOptions struct{ addr, token string }

func (o *uiOptions) flags(cmd *cobra.Command) {
	defer group(cmd, "Inspector")()
	cmd.Flags().StringVar(&o.addr, "ui", "", "show the requests in a browser and to tests, at `host:port` ("+web.DefaultAddr+" unless given)")
	cmd.Flags().Lookup("ui").NoOptDefVal = web.DefaultAddr
	secretFlag(cmd, &o.token, "ui-token", "who may open it; a random one is drawn and printed unless given")
	needs(cmd, "ui", "ui-token")
}

// notUI refuses an address after a bare --ui: it would be taken for an app or a file,
// because the address of --ui needs a "=".
func (a *app) notUI(args []string) error {
	for i, arg := range a.args {
		if arg != "--ui" || i+1 == len(a.args) || !slices.Contains(args, a.args[i+1]) {
			continue
		}
		next := a.args[i+1]
		if _, port, err := net.SplitHostPort(next); err == nil && port != "" && !strings.Contains(port, "/") {
			return usageError("--ui takes its address after a =: did you mean --ui=%s?", next)
		}
	}
	return nil
}

// inspector is the running server of the inspector. It is nil without --ui.
type inspector struct {
	server  *web.Server
	addr    string // as --ui named it
	address string // as it is printed
	stop    context.CancelFunc
	done    chan struct{}
}

// newInspector binds the inspector's address.
func (a *app) newInspector(o uiOptions, s *session.Session, title func() string) (*inspector, error) {
	var err error
	if o.addr, err = ownAddress("ui", o.addr); err != nil {
		return nil, usage(err)
	}
	token := ""
	if o.token != "" {
		secret, err := auth.ResolveSecret(a.interrupt, o.token, a.env)
		if err != nil {
			return nil, usageError("--ui-token: %w", err)
		}
		token = secret.Reveal()
		a.secrets.Add(token)
	}
	server, err := web.New(s, web.Config{Addr: o.addr, Token: token, Mask: a.secrets, Title: title})
	switch {
	case errors.Is(err, web.ErrOpen):
		return nil, usageError("--ui %s: %w", o.addr, err)
	case err != nil:
		return nil, environment(err)
	}
	i := &inspector{server: server, addr: o.addr, address: server.URL(), done: make(chan struct{})}
	if token == "" {
		i.address += "?token=" + server.Token()
	}
	return i, nil
}

// where is the inspector's URL, "" for none.
func (i *inspector) where() string {
	if i == nil {
		return ""
	}
	return i.address
}

// begin serves until end, and prints where.
func (i *inspector) begin(a *app) {
	if i == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	i.stop = stop
	go func() {
		defer close(i.done)
		if err := i.server.Serve(ctx); err != nil {
			a.notice("the inspector ended: " + err.Error())
		}
	}()
	fmt.Fprintln(a.errors, "inspector", i.address) // with --quiet too: nobody else knows the token
	if where := reach(i.addr); where != "" {
		a.notice("other machines can reach the inspector, which speaks plain HTTP: it listens on " + where + ", not on loopback")
	}
}

// end stops the server and waits for it.
func (i *inspector) end() {
	switch {
	case i == nil:
	case i.stop == nil:
		_ = i.server.Close() // it never served
	default:
		i.stop()
		<-i.done
	}
}

// inspectListen prepares the inspector of a receiver that is still to be made; nil
// where none is asked for.
func (a *app) inspectListen(o *listenOptions, s *session.Session, receiver **recv.Receiver) (*inspector, error) {
	if o.ui.addr == "" {
		return nil, nil
	}
	return a.newInspector(o.ui, s, func() string { return (*receiver).URL() })
}

// curl is a request as a command, masked before JSON or HTML quote its quotes again.
func (a *app) curl(rec *capture.Record, to, ca string) (command string, variables []string) {
	command, variables = report.Curl(rec, to, ca)
	return a.secrets.Text(command), variables
}

// appsShown are the URLs of apps without their secrets.
func appsShown(routes []forward.Route) (urls []string) {
	for _, route := range routes {
		urls = append(urls, capture.Redactor{}.Target(route.URL.String()))
	}
	return urls
}

// listenSession makes the session of a receiver that is still to be made, and has it
// fed by it.
func (a *app) listenSession(o *listenOptions, r *listenRun, receiver **recv.Receiver) *session.Session {
	if r.config.Script == nil {
		r.config.Script = &script.Rules{Seed: o.seed}
	}
	c := session.Config{
		Rules: r.config.Script, RulesFile: o.rules,
		Curl: func(rec *capture.Record) (string, []string) {
			u, _ := url.Parse((*receiver).URL()) // it is made by us
			return a.curl(rec, u.String(), (*receiver).CAFile())
		},
		Summary: func() (judge.Summary, error) { return (*receiver).Summary(), nil },
		Dropped: func() uint64 { return (*receiver).Unwatched() },
	}
	c.Apps = appsShown(r.config.Forward)
	if len(c.Apps) > 0 {
		c.Replay = func(ctx context.Context, method, target string, h http.Header, body []byte) (capture.App, error) {
			return (*receiver).Replay(ctx, method, target, h, body)
		}
	}
	s := session.New(c)
	r.config.Watch = s.Add
	return s
}

// inspectUI shows a capture in a browser until ctx is done.
func (a *app) inspectUI(ctx context.Context, o *inspectOptions, files *captures) error {
	s, err := a.captureSession(ctx, o, files)
	if err != nil {
		if ctx.Err() != nil {
			return silent(exitInterrupted)
		}
		return environment(err)
	}
	defer s.Close()
	i, err := a.newInspector(o.ui, s, func() string { return strings.Join(files.names(), ", ") })
	if err != nil {
		return err
	}
	defer i.end()
	i.begin(a)
	<-ctx.Done()
	return nil
}

// captureSession makes the session of a capture.
func (a *app) captureSession(ctx context.Context, o *inspectOptions, files *captures) (*session.Session, error) {
	if err := o.verifyTo(); err != nil {
		return nil, err
	}
	var parts []session.File
	for n := range files.files {
		file := &files.files[n]
		if err := files.keep(file); err != nil {
			return nil, err
		}
		info, err := file.disk.Stat()
		if err != nil {
			return nil, err
		}
		parts = append(parts, session.File{R: file.disk, Size: info.Size()})
	}
	names := files.names()
	for i, name := range names {
		names[i] = report.ShellQuote(name)
	}
	curl := func(rec *capture.Record) (string, []string) {
		to := o.to
		if to == "" && rec.App != nil {
			to = rec.App.URL
		}
		u, err := url.Parse(to)
		if err != nil || to == "" {
			return "", nil
		}
		return a.curl(rec, to, a.localCA(u))
	}
	summary := sync.OnceValues(func() (judge.Summary, error) { return files.summary(ctx) })
	resend := func(number uint64) string {
		return fmt.Sprintf("relayctl send %s --request %d --to URL sends it again", strings.Join(names, " "), number)
	}
	return session.Open(ctx, session.Config{Curl: curl, Summary: summary, Resend: resend}, parts)
}
