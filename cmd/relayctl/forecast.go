package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/script"
	"relayctl/internal/report"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/forecast"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// forecastOptions are the flags of forecast.
type forecastOptions struct {
	plan   planOptions
	replay replayOptions
	relayOptions
	disorderOptions
	outages     []string
	answer      string
	latency     time.Duration
	concurrency int
	maxLost     int
	output      string
	reports     reportOptions
}

// forecastRecords is how many records a forecast is of where nothing is named.
const forecastRecords = 100_000

func newForecastCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "forecast [WHAT]...",
		Short: "Say what a downtime costs, before it happens",
		Long: `Say what a downtime of the endpoint costs, before it happens: the plan of "send"
runs on virtual time against a model of the endpoint, without network. Calls go
out with the plan's own offsets, or as --rate says.

The answer depends on what Relay does not document, so the same is shown for
other numbers of workers and other delays.`,
		Example: `  relayctl forecast --records 10000 --outage 1h
  relayctl forecast --csv upload.csv --outage 22m..52m --workers 16
  relayctl forecast --records 1000000 --rate 5000/m --outage 2h..3h \
    --outage-answer 503 --report html=forecast.html
  relayctl forecast --outage 30m --max-lost 0`,
		Args: cobra.ArbitraryArgs,
	}, a.forecast)
}

func (o *forecastOptions) flags(cmd *cobra.Command) {
	func() {
		defer group(cmd, "The endpoint")()
		f := cmd.Flags()
		f.StringArrayVar(&o.outages, "outage", nil, "when the endpoint is down, as `FROM..TO` after the start of the run, or how long, from the middle of the run; repeatable")
		f.StringVar(&o.answer, "outage-answer", "500", "what calls get meanwhile: a status, connect (the connection is refused) or timeout")
		f.DurationVar(&o.latency, "latency", 50*time.Millisecond, "how long an answer takes")
		f.IntVar(&o.concurrency, "concurrency", 0, "how many calls the endpoint works on at once, the others wait (any number unless given)")
		within(cmd, "0", "1h", "latency")
		within(cmd, "0", "1000000", "concurrency")
		needs(cmd, "outage", "outage-answer")
		words(cmd, "outage-answer", "500", "503", "connect", "timeout")
	}()
	o.plan.flags(cmd)
	o.replay.flags(cmd)
	func() {
		defer group(cmd, "Delivery")()
		o.relayFlags(cmd)
	}()
	o.disorderFlags(cmd)
	defer group(cmd, "Output")()
	f := cmd.Flags()
	f.IntVar(&o.maxLost, "max-lost", 0, "exit with 1 if more events are lost (never unless given)")
	within(cmd, "0", "", "max-lost")
	outputFlag(cmd, &o.output, "one object")
	o.reports.flags(cmd, "json", "html")
}

func (a *app) forecast(ctx context.Context, o *forecastOptions, s *settings, args []string) (err error) {
	if len(args) == 0 && !o.plan.campaign() && !s.given("records") {
		o.plan.records = forecastRecords
	}
	sources, err := o.plan.sources(ctx, a, s, args, nil)
	if err != nil {
		return usage(err)
	}
	if o, s, err = o.withScenario(s, onlyScenario(sources)); err != nil {
		return usage(err)
	}
	p, files, err := o.plan.config(a, s, sources)
	defer func() { err = errors.Join(err, environment(files.close())) }()
	if err != nil {
		return usage(err)
	}
	reports, err := o.reports.parse(a.secrets)
	if err != nil {
		return usage(err)
	}
	if p.Replay, err = o.replay.replay(a, sources); err != nil {
		return usage(err)
	}
	o.disorder(&p)
	c, rate, err := o.model(a.interrupt, &p)
	if err != nil {
		return usage(err)
	}
	if err := flagged(p.Check(a.interrupt)); err != nil {
		return usage(err)
	}
	if err := reports.open(a.interrupt); err != nil {
		return err
	}
	defer reports.discard()
	f, err := a.pass(ctx, c, &p)
	if err != nil {
		return err
	}
	files.report(a, o.plan.rejects)
	a.forecastHints(f, sources)
	code := exitOK
	if s.given("max-lost") && f.Main.Lost > o.maxLost {
		code = exitFellShort
	}
	view := report.Forecast{Forecast: f, What: o.plan.what(sources), Rate: rate, Answer: o.answer, Seed: p.Seed, Exit: code}
	if err := a.showForecast(view, o.output, reports); err != nil {
		return err
	}
	return silent(code)
}

// forecastHints says what a forecast leaves out, and how to ask for it.
func (a *app) forecastHints(f *forecast.Forecast, sources []plan.Source) {
	if f.Unnamed > 0 {
		a.warn("calls with an event whose event_name is missing or unreadable: %d; such an event counts as %s", f.Unnamed, term.NameOf(""))
	}
	if len(f.Endpoint.Outages) > 0 {
		return
	}
	if sc := onlyScenario(sources); sc != nil && len(sc.Receiver.Respond) > 0 {
		a.hint("the answers of the scenario's receiver (%s) do not count here; --outage says when the endpoint is down", term.Clean(strings.Join(sc.Receiver.Respond, ", ")))
		return
	}
	a.hint("say when the endpoint is down: --outage 1h (from the middle of the run) or --outage 20m..1h20m; repeatable")
}

func (a *app) showForecast(view report.Forecast, output string, reports reportFiles) (err error) {
	if output == "json" {
		err = view.WriteLine(a.stdout)
	} else {
		err = view.WriteText(a.stdout, a.style(a.stdout))
	}
	return errors.Join(environment(err), reports.write(reportWriters{"json": view.WriteJSON, "html": view.WriteHTML}))
}

// withScenario adds the flags that a scenario sets, which may be nil.
func (o *forecastOptions) withScenario(s *settings, sc *plan.Scenario) (*forecastOptions, *settings, error) {
	if sc == nil {
		return o, s, nil
	}
	o = &forecastOptions{}
	s, err := resolve(s.command, o.flags, append(slices.Clone(s.layers), scenarioLayer(sc)))
	return o, s, err
}

// pass passes the plan. A line of progress shows how far it is.
func (a *app) pass(ctx context.Context, c forecast.Config, p *plan.Config) (*forecast.Forecast, error) {
	p.Outline = true
	stream, err := plan.New(*p)
	if err != nil {
		return nil, usage(err)
	}
	calls, shown := 0, time.Now()
	defer a.stderr.Show("")
	f, err := forecast.Run(c, stream, func() bool {
		if calls += 1024; time.Since(shown) > 200*time.Millisecond {
			shown = time.Now()
			a.stderr.Show(fmt.Sprintf("%d calls of the plan", calls))
		}
		return ctx.Err() == nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, &exitError{code: exitInterrupted, err: errors.New("interrupted")}
	case err != nil:
		return nil, usage(err)
	case f.Deliveries == 0:
		return nil, usageError("nothing would be sent: %s", nothingLeft)
	}
	for _, w := range c.Endpoint.Outages {
		if f.Idle(w) {
			a.warn("--outage: the outage from %s on never meets a call, for the last one ends after %s", duration.Text(w.From), duration.Text(f.Main.Last))
		}
	}
	return f, nil
}

// model makes what the forecast is of.
func (o *forecastOptions) model(ctx context.Context, p *plan.Config) (c forecast.Config, rate sim.Rate, err error) {
	s, err := o.senderConfig()
	if err != nil {
		return c, rate, err
	}
	c = forecast.Config{
		Endpoint: forecast.Endpoint{Latency: o.latency, Concurrency: o.concurrency},
		Relay: forecast.Relay{
			Workers: s.Workers, Spread: s.Spread, Attempts: s.Attempts, Delays: s.RetryDelays, Timeout: s.Timeout,
			RetryTimeout: s.RetryOn.Retries(0, wire.Timeout),
		},
		Batch: p.Batch,
		Due:   func(_ int, arrives time.Duration) time.Duration { return max(0, arrives) },
	}
	if s.Rate.Calls > 0 {
		c.Due = func(n int, _ time.Duration) time.Duration { return s.Rate.Due(n) }
	}
	if c.Endpoint.Outage, err = o.refusal(&s); err != nil {
		return c, rate, err
	}
	c.Endpoint.Outages, err = o.windows(ctx, p, s.Rate)
	return c, s.Rate, err
}

// refusal is what calls get during an outage.
func (o *forecastOptions) refusal(s *sim.SenderConfig) (r forecast.Refusal, err error) {
	switch o.answer {
	case "timeout":
		return forecast.Refusal{After: o.timeout, Retried: s.RetryOn.Retries(0, wire.Timeout), Silent: true}, nil
	case "connect":
		return forecast.Refusal{Retried: s.RetryOn.Retries(0, wire.Connect), Silent: true}, nil
	}
	status, err := strconv.Atoi(o.answer)
	if err != nil || status < 200 || status > 599 || len(o.answer) != 3 {
		return r, fmt.Errorf("--outage-answer takes a status such as 500, connect or timeout, not %q", o.answer)
	}
	if event.Accepted(status) {
		return r, fmt.Errorf("--outage-answer: %d means that the event was accepted", status)
	}
	return forecast.Refusal{After: o.latency, Retried: s.RetryOn.Retries(status, wire.NoFailure)}, nil
}

const longestForecast = 100 * 365 * 24 * time.Hour

// windows reads --outage. A length alone begins in the middle of the run.
func (o *forecastOptions) windows(ctx context.Context, p *plan.Config, rate sim.Rate) (out []forecast.Window, err error) {
	for _, text := range o.outages {
		if strings.Contains(text, "..") {
			w, err := script.ParseWindow(text)
			if err != nil {
				return nil, fmt.Errorf("--outage: %w", err)
			}
			out = append(out, forecast.Window(w))
			continue
		}
		length, err := time.ParseDuration(text)
		if err != nil || length <= 0 {
			return nil, fmt.Errorf("--outage takes FROM..TO such as 20m..1h20m, or a length such as 1h, not %q", text)
		}
		extent, ok := p.Extent(ctx)
		if !ok {
			return nil, fmt.Errorf("--outage %s: the middle of the run is not known, for the plan can be read only once or is long; give FROM..TO", text)
		}
		middle := extent.Last / 2
		if rate.Calls > 0 {
			middle = rate.Due(extent.Deliveries) / 2
		}
		if middle = middle.Round(time.Second); middle < 0 || middle > longestForecast || length > longestForecast {
			return nil, fmt.Errorf("--outage %s: the run or the outage lasts longer than a hundred years", text)
		}
		out = append(out, forecast.Window{From: middle, Until: middle + length})
	}
	slices.SortFunc(out, func(a, b forecast.Window) int { return cmp.Compare(a.From, b.From) })
	return out, nil
}

// what names the plan for people.
func (o *planOptions) what(sources []plan.Source) string {
	var parts []string
	for _, s := range sources {
		parts = append(parts, s.Name)
	}
	switch {
	case o.csv != "":
		parts = append(parts, "the rows of "+o.csv)
	case o.records > 0:
		parts = append(parts, fmt.Sprintf("%d records", o.records))
	}
	return strings.Join(parts, ", ")
}
