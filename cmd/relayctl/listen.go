package main

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/recv/forward"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
	"relayctl/internal/report"
)

// listenOptions are the flags of listen.
type listenOptions struct {
	auth       authOptions
	addr       string
	tlsMode    string
	cert, key  string
	tokenTTL   time.Duration
	allowFrom  string
	trustProxy string
	forward    []string
	forwardFor time.Duration
	app        appOptions
	keep       string
	hosts      []string
	respond    []string
	rules      string
	seed       uint64
	capture    string
	captureMax string
	sync       string
	maxBody    string
	expect     uint64
	lasts      time.Duration
	failOn     string
	failFast   bool
	filter     []string
	verbose    bool
	ui         uiOptions
	// interactive asks for the keyboard view.
	interactive bool
	ccids       []string
	output      string
}

func newListenCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "listen [PORT|URL]",
		Short: "Run a local endpoint that shows, judges and records what it gets",
		Long: `Run a local endpoint. It answers 200 to every authenticated POST that it could
read and store, also when the event is invalid (R-NO-400), and shows what came:
retries, duplicates, disorder and findings with their clauses. It ends on Ctrl-C
with a summary; the verdict of --fail-on is the exit code. --expect, --for and
--fail-fast end it sooner. The summary counts requests, different events, and
their arrivals where an event came more than once.

PORT or URL is short for --forward: requests are passed on to your app, and
answered as it answers.`,
		Example: `  relayctl listen
  relayctl listen 3000 --capture events.jsonl
  relayctl listen --auth basic --username relay --password env:RELAY_PASSWORD \
    --capture events.jsonl
  relayctl listen --respond 500,500,200
  relayctl listen --addr :0 --expect 8 --for 30s --fail-on error,duplicate \
    --output json`,
		Args: func(cmd *cobra.Command, args []string) error {
			return cmp.Or(a.notUI(args), appArg(cmd, args))
		},
	}, a.listen)
}

func (o *listenOptions) flags(cmd *cobra.Command) {
	o.addressFlags(cmd)
	o.auth.flags(cmd)
	o.callerFlags(cmd)
	o.answerFlags(cmd)
	o.captureFlags(cmd)
	o.verdictFlags(cmd)
	o.ui.flags(cmd)
	interactiveFlag(cmd, &o.interactive)
	defer group(cmd, "Output")()
	f := cmd.Flags()
	f.StringSliceVar(&o.filter, "filter", nil, "show only these events, as patterns: notification.*")
	f.StringSliceVar(&o.ccids, "ccid", nil, "show only these customers' events, by `ID` (repeatable); all are judged and counted")
	f.BoolVar(&o.verbose, "verbose", false, "show whole events")
	outputFlag(cmd, &o.output, "one object a line")
	wordsOf(cmd, "filter", event.Names)
}

func (o *listenOptions) addressFlags(cmd *cobra.Command) {
	defer group(cmd, "Address")()
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", "127.0.0.1:8443", "`host:port`; :0 picks a free port on loopback")
	choiceFlag(cmd, &o.tlsMode, "tls", "", "auto: a certificate of the local CA; off: plain http", string(recv.TLSAuto), string(recv.TLSOff))
	f.StringVar(&o.cert, "cert", "", "PEM `file` of the certificate to show instead")
	f.StringVar(&o.key, "key", "", "PEM `file` of its key")
}

func (o *listenOptions) callerFlags(cmd *cobra.Command) {
	end := group(cmd, "Credentials")
	cmd.Flags().DurationVar(&o.tokenTTL, "token-ttl", time.Hour, "how long the tokens of POST /oauth/token live")
	within(cmd, "1s", "8760h", "token-ttl")
	needsAuth(cmd, auth.KindOAuth, "token-ttl")
	end()
	defer group(cmd, "Who may call")()
	f := cmd.Flags()
	f.StringVar(&o.allowFrom, "allow-from", "", "a `list` of staging, production, addresses and CIDRs; everybody unless given (R-IP)")
	f.StringVar(&o.trustProxy, "trust-proxy", "", "a `list` of CIDRs of the proxies whose X-Forwarded-For is believed")
	f.StringSliceVar(&o.hosts, "host", nil, "further `names` by which it may be called (Host); requests of web pages are refused all the same")
	words(cmd, "allow-from", "staging", "production")
}

func (o *listenOptions) answerFlags(cmd *cobra.Command) {
	defer group(cmd, "Answers")()
	f := cmd.Flags()
	f.StringArrayVar(&o.respond, "respond", nil, "a `script` of what attempts 1, 2, … of an event get: 500,500,200; 200~3s; timeout, close, reset, garbage, cut (of its body); notification.*=500x3,200; 500@10% by chance; 500@1m..3m from the second minute to the third (first match wins, the last answer stays)")
	f.StringVar(&o.rules, "rules", "", "YAML `file` of more such rules, also with headers and a body, which come after those of --respond; loaded again when it changes (\"relayctl schema rules\")")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the answers by chance (drawn and printed unless given)")
	f.StringArrayVar(&o.forward, "forward", nil, "pass requests on to your app and answer as it does: `URL`, or 'notification.*=URL' (first match wins)")
	f.DurationVar(&o.forwardFor, "forward-timeout", 10*time.Second, "how long the app may take; after that the answer is 500, so that Relay tries again")
	o.app.flags(cmd)
	f.StringVar(&o.keep, "keep-answers", "64KiB", "how much of the app's answers is kept, as a `size`: in the capture, JSON and --verbose; 0 keeps none")
	f.StringVar(&o.maxBody, "max-body", "1MiB", "largest body; above this `size` the answer is 413")
	within(cmd, "1ns", "1h", "forward-timeout")
	needs(cmd, "forward", "forward-timeout", "forward-header", "forward-cacert", "forward-insecure", "keep-answers", "proxy")
}

func (o *listenOptions) captureFlags(cmd *cobra.Command) {
	defer group(cmd, "Capture")()
	f := cmd.Flags()
	f.StringVar(&o.capture, "capture", "", "append every request to this `file`, one JSON line each")
	writes(cmd, "capture")
	f.StringVar(&o.captureMax, "capture-max", "", "begin a new capture file at this `size`, such as 100MiB (full ones get a number: events.000001.jsonl)")
	choiceFlag(cmd, &o.sync, "sync", "", "when a captured request counts as stored: always (it survives a power cut), interval, none", "always", "interval", "none")
	needs(cmd, "capture", "capture-max", "sync")
}

func (o *listenOptions) verdictFlags(cmd *cobra.Command) {
	defer group(cmd, "End and verdict")()
	f := cmd.Flags()
	f.Uint64Var(&o.expect, "expect", 0, "end after this many different events were answered 200; fewer are a failure")
	f.DurationVar(&o.lasts, "for", 0, "end after this time")
	failOnFlag(cmd, &o.failOn, "error,app-error", " (the app answered 5xx, or not at all)")
	f.BoolVar(&o.failFast, "fail-fast", false, "end at the first thing that --fail-on names")
	within(cmd, "1", "", "expect")
	within(cmd, "1ns", "8760h", "for")
}

// listenRun is what the flags came to.
type listenRun struct {
	config recv.Config
	failOn judge.FailOn
	limit  int64 // --capture-max
	sync   capture.Sync
}

// prepare turns the flags into a configuration, before a file or a port is opened.
func (o *listenOptions) prepare(a *app, s *settings) (r listenRun, err error) {
	if o.capture == "-" {
		return r, errors.New("--capture: stdout carries the result; name a file")
	}
	if !s.given("seed") {
		o.seed = rand.Uint64N(1e9)
	}
	if r.failOn, err = judge.ParseFailOn(o.failOn); err != nil {
		return r, fmt.Errorf("--%w", err)
	}
	if o.failFast && r.failOn.Never() {
		return r, errors.New("--fail-fast has no effect with --fail-on never")
	}
	if r.config.Observed, err = a.eventFilter("filter", o.filter); err != nil {
		return r, err
	}
	r.config.ObservedCustomers = o.ccids
	if r.config.MaxBody, err = parseSize(o.maxBody); err != nil || r.config.MaxBody < 1 {
		return r, fmt.Errorf("--max-body: %q is not a size such as 1MiB", o.maxBody)
	}
	if o.captureMax != "" {
		if r.limit, err = parseSize(o.captureMax); err != nil || r.limit < 1 {
			return r, fmt.Errorf("--capture-max: %q is not a size such as 100MiB", o.captureMax)
		}
	}
	if r.sync, err = capture.ParseSync(o.sync); err != nil {
		return r, fmt.Errorf("--sync: %w", err)
	}
	if o.allowFrom != "" {
		if r.config.AllowFrom, err = recv.ParseAllow(o.allowFrom); err != nil {
			return r, fmt.Errorf("--allow-from: %w", err)
		}
	}
	if o.trustProxy != "" {
		if r.config.TrustProxy, err = recv.ParseAllow(o.trustProxy); err != nil {
			return r, fmt.Errorf("--trust-proxy: %w", err)
		}
	}
	if err = o.prepareHosts(&r.config); err != nil {
		return r, err
	}
	if err = o.prepareScript(a, &r.config); err != nil {
		return r, err
	}
	r.config.Interrupt = a.interrupt
	if err = o.prepareTLS(&r.config); err != nil {
		return r, err
	}
	if err = o.prepareForward(a, &r.config); err != nil {
		return r, err
	}
	return r, o.prepareAuth(a, &r.config)
}

func (o *listenOptions) prepareHosts(c *recv.Config) error {
	for _, name := range o.hosts {
		if name == "" || strings.ContainsAny(name, "/:*@ ") {
			return fmt.Errorf("--host: %q is not a name such as relay.example.com", name)
		}
	}
	c.Hosts = o.hosts
	c.AllowHost = func(host string) string { return "--host " + report.ShellQuote(host) + " allows it" }
	return nil
}

func (o *listenOptions) prepareForward(a *app, c *recv.Config) error {
	var err error
	if c.App, err = o.app.options(a, o.forwardFor); err != nil {
		return err
	}
	if c.App.Keep, err = parseSize(o.keep); err != nil || c.App.Keep < 0 {
		return fmt.Errorf("--keep-answers: %q is not a size such as 64KiB", o.keep)
	}
	taken := false // every event is, by a route before
	for _, text := range o.forward {
		route, err := forward.ParseRoute(text)
		if err != nil {
			return fmt.Errorf("--forward: %w", err)
		}
		if route.URL.Host == c.Addr {
			return fmt.Errorf("--forward: %s is where listen itself listens; --addr names another port", c.Addr)
		}
		a.doubt("forward", route.Filter)
		if taken {
			a.unused("forward", route.URL.Scheme+"://"+route.URL.Host, "one before it")
		}
		taken = taken || route.Filter.String() == "*"
		c.Forward = append(c.Forward, route)
	}
	c.App.Proxy, err = a.proxyToApps(o.app.proxy, c.Forward)
	return err
}

func (o *listenOptions) prepareScript(a *app, c *recv.Config) error {
	rules := &script.Rules{Seed: o.seed}
	taken := false // every attempt is, by a script before
	for _, text := range o.respond {
		rule, err := script.Parse(text)
		if err != nil {
			return fmt.Errorf("--respond: %w", err)
		}
		a.doubt("respond", rule.Events)
		if taken {
			a.unused("respond", text, "one before it")
		}
		taken = taken || rule.Always()
		rules.Fixed = append(rules.Fixed, rule)
	}
	if taken && o.rules != "" {
		a.unused("rules", o.rules, "a --respond")
	}
	if len(rules.Fixed) > 0 || o.rules != "" {
		c.Script, c.Rules = rules, o.rules
	}
	return nil
}

func (o *listenOptions) prepareTLS(c *recv.Config) error {
	var err error
	if c.Addr, err = ownAddress("addr", o.addr); err != nil {
		return err
	}
	if o.ui.addr != "" {
		if _, err := ownAddress("ui", o.ui.addr); err != nil {
			return err
		}
	}
	c.TLS, c.CertFile, c.KeyFile = recv.TLSMode(o.tlsMode), o.cert, o.key
	switch {
	case (o.cert == "") != (o.key == ""):
		return errors.New("--cert and --key go together")
	case c.TLS == recv.TLSOff && o.cert != "":
		return errors.New("--cert has no effect with --tls off")
	}
	return nil
}

// ownAddress reads the HOST:PORT of a flag at which a server of ours listens. Loopback is
// the default for a missing host: a laptop's server is nobody else's business.
func ownAddress(flag, text string) (string, error) {
	addr := text
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr
	}
	_, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil && isNumber(text):
		return "", fmt.Errorf("--%s: %q is not of the form HOST:PORT; did you mean :%s?", flag, text, text)
	case err != nil:
		return "", fmt.Errorf("--%s: %q is not of the form HOST:PORT", flag, text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("--%s: %q is not a port; ports go from 0 to 65535", flag, port)
	}
	return addr, nil
}

func (o *listenOptions) prepareAuth(a *app, c *recv.Config) error {
	if err := o.auth.resolve(a); err != nil {
		return err
	}
	expected := o.auth.config()
	return flagged(expect(c, &expected, o.tokenTTL))
}

// parseSize reads sizes such as 512, 64KiB, 1MiB, 1MB, 2GiB.
func parseSize(s string) (int64, error) {
	units := []struct {
		suffix string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			v, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			if err == nil && (v < 0 || v > (1<<62)/u.factor) {
				err = strconv.ErrRange
			}
			return v * u.factor, err
		}
	}
	return 0, strconv.ErrSyntax
}
