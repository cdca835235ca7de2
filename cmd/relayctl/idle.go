package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// idleFlags are the flags that others leave without effect by their values. They are
// told and not refused: a script that has them for all its endpoints goes on.
func idleFlags() []idleFlag {
	plain := func(s *settings) bool { return allPlain(s, "to", "token-url") }
	plainApps := func(s *settings) bool { return allPlain(s, "forward") }
	const noTLS, noApp = "--to is plain http", "--forward is plain http"
	return []idleFlag{
		{"insecure", noTLS, plain},
		{"cacert", noTLS, plain},
		{"client-cert", noTLS, plain},
		{"cacert", "--insecure trusts any certificate", func(s *settings) bool { return s.on("insecure") }},
		{"forward-insecure", noApp, plainApps},
		{"forward-cacert", noApp, plainApps},
		{"retry-delays", "--attempts 1 makes no retry", func(s *settings) bool { return s.text("attempts") == "1" }},
		{"retry-on", "--attempts 1 makes no retry", func(s *settings) bool { return s.text("attempts") == "1" }},
		{"spread", "there is one worker", func(s *settings) bool { return s.text("workers") == "1" }},
		{"report", dryRun, (*settings).isDry},
		{"journal", dryRun, (*settings).isDry},
		{"metrics", dryRun, (*settings).isDry},
		{"wait-ready", dryRun, (*settings).isDry},
		{"seed", "no answer is given by chance (--respond 500@10%, or --rules)", func(s *settings) bool {
			return s.command == "listen" && !s.given("rules") && !s.given("ui") && !s.given("interactive") && !strings.Contains(s.text("respond"), "%")
		}},
	}
}

const dryRun = "with --dry-run nothing is sent"

// idleFlag is a flag, and what leaves it without effect when the settings are so.
type idleFlag struct {
	flag, because string
	so            func(*settings) bool
}

// tellIdle warns of flags of the command line that have no effect.
func (a *app) tellIdle(s *settings) {
	told := map[string]bool{}
	for _, idle := range idleFlags() {
		if s.typed(idle.flag) && !told[idle.flag] && idle.so(s) {
			told[idle.flag] = true
			a.warn("--%s has no effect: %s", idle.flag, idle.because)
		}
	}
	for _, flag := range []string{"to", "forward"} {
		for _, text := range s.texts(flag) {
			if strings.Contains(text, "#") {
				a.warn("--%s: what follows the # of a URL is never sent", flag)
			}
		}
	}
}

// isDry says whether nothing is to be sent.
func (s *settings) isDry() bool { return s.on("dry-run") }

// text is the value of a flag, "" for one that the command does not have.
func (s *settings) text(flag string) string { return strings.Join(s.texts(flag), ",") }

// texts are the values of a flag that can be repeated, or the one of another.
func (s *settings) texts(flag string) []string {
	f := s.flags.Lookup(flag)
	if f == nil || f.Value.String() == "" {
		return nil
	}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

// allPlain says whether flags name URLs, and all of them are plain http.
func allPlain(s *settings, flags ...string) bool {
	var urls []string
	for _, flag := range flags {
		urls = append(urls, s.texts(flag)...)
	}
	secure := func(text string) bool { return strings.Contains(strings.ToLower(text), "https://") }
	return len(urls) > 0 && !slices.ContainsFunc(urls, secure)
}
