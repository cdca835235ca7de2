package event

import (
	"encoding/json"
	"testing"
)

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{"notification.*", "message.delivered, x.*", "[", "[a-z]*", ",", "*", `\*`} {
		f.Add(seed, "message.delivered")
	}
	f.Add(" ", "a/b")
	f.Add("a*", "a/b")
	f.Fuzz(func(t *testing.T, list, name string) {
		filter, err := ParseFilter(list)
		if err != nil {
			return
		}
		again, err := ParseFilter(filter.String())
		if err != nil || again.Match(name) != filter.Match(name) {
			t.Errorf("%q reads as %q, which is another filter: %v", list, filter, err)
		}
		filter.Unknown()
	})
}

func FuzzOverrides(f *testing.F) {
	for _, seed := range []string{"payload.message_name=Hi", "payload.x:=[1]", "+a.b.c=1", "notification.*:payload.x=1", "event_id=", "=", "a..b=1", `payload.x:={"a":`} {
		f.Add(seed, "payload.ccid")
	}
	const envelope = `{"event_id":"1","event_ts":"2026-01-31T12:00:00.000Z","payload":{"ccid":"a","n":null},"event_name":"message.delivered"}`
	f.Fuzz(func(t *testing.T, set, unset string) {
		var list []Override
		if o, err := ParseSet(set); err == nil {
			list = append(list, o)
		}
		if o, err := ParseUnset(unset); err == nil {
			list = append(list, o)
		}
		if out, err := Apply([]byte(envelope), list); err == nil && !json.Valid(out) {
			t.Errorf("--set %q --unset %q made %q", set, unset, out)
		}
	})
}
