package check

import (
	"crypto/tls"
	"net/url"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
)

// Settings is what a run is told: which endpoint, with which credentials, what
// its receiver can do, and how long to wait. It is not changed once the run has
// begun, and so is safe for concurrent use.
type Settings struct {
	URL        string
	Auth       auth.Scheme   // the configured credentials; never nil
	AuthConfig auth.Config   // what Auth was made of, for wrong credentials
	Headers    []auth.Header // custom headers of every call (R-HEADERS)
	TLS        *tls.Config   // trust, and the client's certificate
	Proxy      *wire.Proxy   // on the way to the endpoint, nil for none
	Dial       wire.Dial     // replaces the network; nil is that of the machine
	Advice     wire.Advice   // what to do about failed calls
	Timeout    time.Duration // the contract's deadline of a call (R-DEADLINE)

	RunID string    // fresh in every run: what a run sends is new to the receiver
	Seed  uint64    // of everything that is drawn, so that a run can be repeated
	Start time.Time // anchors event_ts

	Batch      int           // the largest batch to expect, 0 when batching is not configured
	BatchShape event.Shape   // R-BATCH-BODY
	Capacity   sim.Rate      // of the load checks; the zero value is 5000 a minute
	Duration   time.Duration // of the load checks; 0 is 30 s
	RestartCmd string        // command that kills the receiver and starts it again
	FaultOn    string        // command after which the receiver cannot do its work
	FaultOff   string        // command that ends that
	Shell      Shell         // runs these commands; nil runs them with sh
	Probe      *Probe        // nil where there is none
	Waits      Waits
	// LeaveOut words how to leave out places of a state that change by themselves
	// (Probe.Ignore). The pointers may be none; nil says nothing.
	LeaveOut func(pointers []string) string

	// Exchanges is told every call to the endpoint and its answer, from any
	// goroutine; nil keeps none. They are free of the run's credentials.
	Exchanges func(capture.Exchange)
}

// Waits are how long a run waits for what may still come, where the contract
// does not say it. The zero value stands for the defaults of the product; tests
// scale them.
type Waits struct {
	Settle     time.Duration // for a state to stand still
	Wrong      time.Duration // at least: a wrong state has to stay the same so long to be believed
	Unexpected time.Duration // at least: for a change that often does not come
	Later      time.Duration // at least: a right state is read again after it, for work that is done twice
	HangUp     time.Duration // for the effect of an event whose answer was not waited for
	Memory     time.Duration // at least, between an event of the run's beginning and its copy at the end
	Attempts   time.Duration // between the first and the last of Relay's attempts (R-DELAYS)
	Copies     time.Duration // concurrent copies are sent for so long; the events that are left come once
	Minimise   time.Duration // a failing order is made shorter for so long
	Revive     time.Duration // for a receiver that a broken body has ended
	Kills      time.Duration // no restart under load begins after that time, but for the first
	Return     time.Duration // for a receiver to come back after a restart or a fault
	Fault      time.Duration // for an answer while the receiver cannot work
	Flicker    time.Duration // for a fault that comes and goes
	Stall      time.Duration // for the endpoint to take up a request that stalls
	Connect    time.Duration // for a connection to an endpoint that has let a call time out
	Command    time.Duration // for a command of the user's
	RetryAfter time.Duration // at most, for a 429
	Token      time.Duration // at most, for a token to expire
	RetryScale float64       // of Relay's delays between the attempts (R-DELAYS)
	LimitScale float64       // of the time that each check has; 0 is 1
	Leeway     time.Duration // an expired token may still be accepted for so long: clocks differ
}

// DefaultWaits are the waits of the product.
func DefaultWaits() Waits {
	attempts := time.Duration(0)
	for _, d := range event.RetryDelays() {
		attempts += d
	}
	return Waits{
		Memory: 8 * time.Second, Attempts: attempts,
		Settle: 10 * time.Second, Wrong: 1500 * time.Millisecond, Unexpected: 200 * time.Millisecond, Later: time.Second,
		HangUp: 300 * time.Millisecond, Copies: 6 * time.Second, Minimise: 12 * time.Second,
		Revive: 2 * time.Second, Kills: 8 * time.Second, Return: 30 * time.Second, Fault: 2 * time.Second, Flicker: 200 * time.Millisecond, Stall: 200 * time.Millisecond, Connect: 2 * time.Second,
		Command: time.Minute, RetryAfter: 10 * time.Second, Token: 15 * time.Second, Leeway: 5 * time.Second, RetryScale: 0.01,
	}
}

// Target is the endpoint's URL without the secrets of its query.
func (s *Settings) Target() string { return capture.Redactor{}.Target(s.URL) }

// authenticates says whether the run has credentials.
func (s *Settings) authenticates() bool {
	return s.AuthConfig.Kind != "" && s.AuthConfig.Kind != auth.KindNone
}

// has says whether the run has what a check needs.
func (s *Settings) has(n Need) bool {
	switch n {
	case NeedAuth:
		return s.authenticates()
	case NeedOAuth:
		return s.AuthConfig.Kind == auth.KindOAuth
	case NeedHTTPS:
		return s.isHTTPS()
	case NeedProbe:
		return s.Probe != nil
	case NeedBatch:
		return s.Batch > 0 || s.Probe != nil
	case NeedRestart:
		return s.RestartCmd != ""
	case NeedFault:
		return s.FaultOn != "" && s.FaultOff != ""
	}
	return true
}

func (s *Settings) isHTTPS() bool {
	u, err := url.Parse(s.URL)
	return err == nil && strings.EqualFold(u.Scheme, "https")
}

// hostPort is where the endpoint is.
func (s *Settings) hostPort() (host, port string) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "", "" // cannot happen: the sender has read it
	}
	host, port = u.Hostname(), u.Port()
	switch {
	case port != "":
	case strings.EqualFold(u.Scheme, "https"):
		port = "443"
	default:
		port = "80"
	}
	return host, port
}

// serverName is the name that the endpoint's certificate has to be for.
func (s *Settings) serverName() string {
	if s.TLS != nil && s.TLS.ServerName != "" {
		return s.TLS.ServerName
	}
	host, _ := s.hostPort()
	return host
}
