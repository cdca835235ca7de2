package check

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/check/state"
	"relayctl/internal/sim/wire"
)

// Where the plainest event is refused for its credentials or its path, that is what is
// to be done, and the server is shown by what it says of itself.
func TestRefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     int
		auth       auth.Config
		check      string
		actual, do string
	}{
		{401, auth.Config{}, "event.accept", "status 401 (Unauthorized)", "configure the credentials that the endpoint expects: --so"},
		{404, auth.Config{}, "event.accept", "status 404 (Not Found)", "look at the path of the URL"},
		{400, auth.Config{}, "event.accept", "status 400 (Bad Request)", "answer 200 to every event"},
		{
			401, auth.Config{Kind: auth.KindAPIKey, APIKey: auth.NewSecret("k-1234567")}, "auth.valid",
			"status 401 (Unauthorized), WWW-Authenticate: Negotiate, Server: " + strings.Repeat("s", longestName-1) + "…, X-Powered-By: Other", "another program answers on this port",
		},
	} {
		e, _ := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Negotiate realm="x"`)
			w.Header().Set("Server", strings.Repeat("s", 99))
			w.Header().Set("X-Powered-By", "Other")
			w.WriteHeader(c.status)
		})
		signed := settingsFor(t, e.URL, c.auth)
		e.Auth, e.AuthConfig = signed.Auth, signed.AuthConfig
		e.Advice = wire.Advice{Credentials: "--so"}
		checks, err := Select(All(), []string{c.check}, nil)
		if err != nil {
			t.Fatal(err)
		}
		rep, _ := runAll(t, &Runner{Settings: e, Checks: checks})
		o := &rep.Checked[0]
		if o.Verdict != Fail || !strings.Contains(o.Actual, c.actual) || !strings.Contains(o.Fix(), c.do) {
			t.Errorf("%d %s: %s %q %q %s", c.status, c.check, o.Verdict, o.Actual, o.Fix(), o.Reason)
		}
		if all := rep.Conclusion(); len(all) != 1 || all[0].ID != c.check {
			t.Errorf("%+v", all)
		}
	}
}

// Where what was taken back stays so, the event that does not show is named.
func TestAToggleThatStaysNamesTheSecondEvent(t *testing.T) {
	t.Parallel()
	read := func(word string) *state.State {
		s, _ := state.NewView(nil, nil, time.Now()).Read([]byte(strconv.Quote(word)))
		return s
	}
	var said []string
	for _, p := range eventPairs() {
		if p.toggle == nil {
			continue
		}
		sub, _ := p.judge([]*state.State{read("there"), read("gone"), read("gone")})
		said = append(said, string(sub.Verdict)+": "+sub.Actual)
	}
	want := "fail: the opt-out shows, the opt-in after it does not\nfail: the first notification_channel.add shows, the second one, after the remove, does not"
	if got := strings.Join(said, "\n"); got != want {
		t.Error(got)
	}
}
