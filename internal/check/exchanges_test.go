package check

import (
	"strings"
	"testing"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/sim/wire"
)

// What an archive keeps of a long answer is a part of it as it came, nothing put to it,
// and without the beginning of a secret at its end.
func TestExchangesOfLongAnswers(t *testing.T) {
	config := auth.Config{Kind: auth.KindAPIKey, APIKey: auth.NewSecret("open sesame, please")}
	c := &caller{run: &run{Settings: &Settings{}, credentials: &credentials{config: config}}}
	const keep = 60
	for name, tt := range map[string]struct {
		body, want string
		cut        bool
	}{
		"short":                     {"all of it", "all of it", false},
		"cut within a word":         {strings.Repeat("x y ", keep), strings.Repeat("x y ", keep/4-1) + "x y", true},
		"cut within a rune":         {strings.Repeat("é ", keep), strings.Repeat("é ", keep/3-1) + "é", true},
		"cut within a secret":       {strings.Repeat(".", keep-20) + " <b>open sesame, please</b>", strings.Repeat(".", keep-20) + " <b>", true},
		"a secret that is in whole": {"<b>open sesame, please</b>", "<b>[redacted]</b>", false},
	} {
		kept := tt.body[:min(keep, len(tt.body))]
		x := c.exchanged(wire.Call{KeepBody: keep}, wire.Result{Status: 200, Body: []byte(kept)}, time.Time{}, 0)
		if string(x.Answer) != tt.want || x.Cut != tt.cut {
			t.Errorf("%s: %q, cut %v; want %q, cut %v", name, x.Answer, x.Cut, tt.want, tt.cut)
		}
	}
}
