package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/recv"
	"relayctl/internal/report"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// givesUpIn is for how long nothing may connect before the run is given up; 0 sets no
// limit. Without it even a short run would wait for minutes, until --give-up-after is
// reached. With --give-up-after or --no-preflight all attempts are asked for.
func (o *sendOptions) givesUpIn(attemptsGiven bool) time.Duration {
	if attemptsGiven || o.noPreflight {
		return 0
	}
	return 30 * time.Second
}

// sendRun is a run of send, ready to begin.
type sendRun struct {
	options  *sendOptions // with what the scenario and the journal set
	settings *settings
	plan     plan.Config
	files    *planFiles
	sender   sim.SenderConfig
	auth     auth.Config
	embedded *recv.Config   // nil when --to names an endpoint
	scenario *plan.Scenario // when a scenario is sent by itself
	reports  reportFiles
	id       report.PlanID
}

// prepareSend makes a run of the settings: it adds the layers of the journal that
// is resumed and of the scenario that is sent, and validates everything before
// anything is sent. What it returns holds open files, also beside an error.
func (a *app) prepareSend(ctx context.Context, o *sendOptions, s *settings, args []string, held heldFiles) (*sendRun, error) {
	journal, err := o.journal.layer(a, o, s)
	if err != nil {
		return nil, err
	}
	sources, err := o.plan.sources(ctx, a, s, args, held)
	if err != nil {
		return nil, err
	}
	r := &sendRun{options: &sendOptions{}, scenario: onlyScenario(sources)}
	layers := slices.Concat([]layer{journal}, s.layers, []layer{scenarioLayer(r.scenario)})
	if r.settings, err = resolve(s.command, r.options.flags, layers); err != nil {
		return r, err
	}
	if err := r.settings.refuseIneffective(); err != nil {
		return r, err
	}
	a.tellIdle(r.settings)
	if err := r.refuseSettings(sources); err != nil {
		return r, err
	}
	return r, r.prepare(a, sources)
}

func (r *sendRun) prepare(a *app, sources []plan.Source) (err error) {
	o := r.options
	if r.reports, err = o.reports.parse(a.secrets); err != nil {
		return err
	}
	if r.plan, r.files, err = o.plan.config(a, r.settings, sources); err != nil {
		return err
	}
	if r.plan.Shard, err = o.shard.read(a, r.settings); err != nil {
		return err
	}
	if r.plan.Replay, err = o.replay.replay(a, sources); err != nil {
		return err
	}
	o.disorder(&r.plan)
	if err := r.prepareSender(); err != nil {
		return err
	}
	if err := r.prepareEndpoint(a); err != nil {
		return err
	}
	scale := 0.0
	if r.sender.Original {
		scale = o.timeScale
	}
	o.plan.dateBack(&r.plan, scale)
	err = flagged(r.plan.Check(a.interrupt))
	switch selected := o.replay.selection.given(); {
	case errors.Is(err, context.Canceled):
		return &exitError{code: exitInterrupted, err: errors.New("interrupted while the plan was read; nothing was sent")}
	case selected && errors.Is(err, plan.ErrNothing) && sources[0].Path != "":
		return &exitError{code: exitUsage, err: err, hint: "relayctl inspect " + report.ShellQuote(sources[0].Path) + " --list lists its requests, with number, time and answer"}
	case err == nil && selected && !o.replay.once:
		if e, known := r.plan.Extent(a.interrupt); known && e.Copies > 0 {
			a.hint("what is selected is sent as it came, %s again; --once sends each event once", term.Count(e.Copies, "request"))
		}
	}
	return err
}

func (r *sendRun) prepareSender() error {
	o, s := r.options, &r.sender
	var err error
	if *s, err = o.senderConfig(); err != nil {
		return err
	}
	s.Shard = r.plan.Shard
	s.TimeScale, s.Seed, s.GiveUpAfter = o.timeScale, r.plan.Seed, o.giveUpAfter
	s.GiveUpIn = o.givesUpIn(r.settings.given("give-up-after"))
	if s.Original = o.pace == "original"; o.timeScale == 0 {
		s.TimeScale = -1
	}
	return o.verifyMetrics()
}

func (r *sendRun) prepareEndpoint(a *app) error {
	o, e := r.options, &r.options.endpoint
	if o.dryRun {
		e.leaveSecrets()
	}
	if err := e.auth.resolve(a); err != nil {
		return err
	}
	conf, err := e.tlsConfig(a.interrupt)
	if err != nil {
		return err
	}
	r.sender.TLS = conf
	if r.sender.Headers, err = e.parseHeaders(); err != nil {
		return err
	}
	r.sender.Kill = a.kill
	r.auth = e.auth.config()
	r.auth.InsecureHTTP, r.auth.Timeout = e.insecureHTTP, o.timeout
	if e.to == "" {
		return r.prepareEmbedded()
	}
	if err := e.verifyURL("to", e.to); err != nil {
		return err
	}
	proxies, err := a.proxies(e.proxy)
	if err != nil {
		return err
	}
	r.auth.HTTP = httpClient(conf, proxies, o.timeout)
	if r.sender.Proxy, err = a.proxyTo(e.to, proxies, conf); err != nil {
		return err
	}
	r.sender.Advice = advice()
	if anonymous(&r.auth, r.sender.Headers) {
		r.sender.Advice.Anonymous = "--auth"
	}
	if r.sender.Auth, err = auth.New(r.auth); err != nil {
		return flagged(err)
	}
	r.sender.URL = e.to
	_, err = sim.NewSender(r.sender)
	return err
}

// anonymous says whether calls carry no credentials.
func anonymous(c *auth.Config, headers []auth.Header) bool {
	return (c.Kind == "" || c.Kind == auth.KindNone) && !slices.ContainsFunc(headers, func(h auth.Header) bool { return auth.IsCredential(h.Name) })
}
