package sim

import (
	"crypto/tls"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"relayctl/internal/sim/wire"
)

func TestWaitReady(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := wire.TargetConfig{URL: &url.URL{Scheme: "http", Host: l.Addr().String()}}
	if err := WaitReady(t.Context(), to, time.Minute, nil); err != nil {
		t.Error(err)
	}
	l.Close()
	to.URL.Host = "127.0.0.1:1" // who asks for a free port gets no number below 1024
	if err := WaitReady(t.Context(), to, time.Millisecond, nil); err == nil || !strings.Contains(err.Error(), to.URL.Host) {
		t.Error(err)
	}
}

// An http endpoint that speaks TLS, and says so, ends the run at once; one that hangs
// up is not asked.
func TestAPortForTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		url     func(*httptest.Server) string
		handler http.HandlerFunc
		says    string
		ended   bool
	}{
		"TLS":    {func(s *httptest.Server) string { return s.URL }, nil, "the endpoint speaks TLS on this port (did you mean https://", true},
		"hangup": {nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "a port for TLS does so too: is it https://", false},
		"no TLS": {nil, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "use https", 400) }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(tc.handler)
			srv.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
			if tc.url != nil {
				srv.StartTLS()
			} else {
				srv.Start()
			}
			defer srv.Close()
			cfg := relay()
			cfg.URL, cfg.Workers, cfg.TimeScale = "http://"+srv.Listener.Addr().String()+"/relay?token=hush", 1, -1
			s, err := NewSender(cfg)
			if err != nil {
				t.Fatal(err)
			}
			said := &details{}
			sum, err := s.Run(t.Context(), planOf(one("a", 0), one("b", 1)), said)
			if err != nil || (sum.CallInstead != "") != tc.ended || !strings.Contains(said.text, tc.says) || strings.Contains(said.text, "hush") {
				t.Errorf("%v, %q, %q", err, sum.CallInstead, said.text)
			}
			if tc.ended && (sum.Attempts != 1 || sum.CallInstead != "https://"+srv.Listener.Addr().String()+"/relay") {
				t.Errorf("%d attempts, %q", sum.Attempts, sum.CallInstead)
			}
		})
	}
}

// details keeps why attempts failed.
type details struct{ text string }

func (d *details) Attempt(a *Attempt) { d.text += a.Detail + "\n" }
func (d *details) Outcome(*Outcome)   {}

// The connection that is made before anything is sent is that of a call.
func TestReach(t *testing.T) {
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(nil)
	defer plain.Close()
	for _, tc := range []struct {
		url  string
		conf *tls.Config
		want string
	}{
		{secure.URL, secure.Client().Transport.(*http.Transport).TLSClientConfig, ""},
		{secure.URL, nil, "unknown authority"},
		{plain.URL, nil, ""},
		{"https://" + plain.Listener.Addr().String() + "/relay", nil, "does not speak TLS on this port (did you mean " + plain.URL + "/relay?)"},
	} {
		cfg := relay()
		cfg.URL, cfg.TLS = tc.url, tc.conf
		s, err := NewSender(cfg)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for what, err := range map[string]error{"reach": s.Reach(t.Context()), "wait": s.WaitReady(t.Context(), time.Minute, nil)} {
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s %s: %v", what, tc.url, err)
			}
		}
		if time.Since(began) > 30*time.Second {
			t.Error("it waited for a handshake that fails each time")
		}
	}
}
