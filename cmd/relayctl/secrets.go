package main

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"relayctl/internal/capture"
)

// learn takes the secrets within texts that people write, such as URLs and
// commands, so that none of them is shown, whoever quotes the text.
func (a *app) learn(texts ...string) {
	for _, text := range texts {
		a.secrets.Add(passwordsIn(text)...)
	}
}

// learnSettings takes the secrets among the values of a command's flags, from
// wherever they come. Those in files are taken when they are read.
func (a *app) learnSettings(s *settings) {
	s.flags.VisitAll(func(f *pflag.Flag) {
		texts := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			texts = list.GetSlice()
		}
		for _, text := range texts {
			a.learn(text)
			switch annotation(f, maskKey) {
			case maskSecret:
				a.learnSecret(text)
			case maskHeader:
				name, value, _ := strings.Cut(text, ":")
				if value = strings.TrimSpace(value); isReference(value) || capture.SecretHeader(name, value) {
					a.learnSecret(value)
				}
			}
		}
	})
}

func (a *app) learnSecret(text string) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		text, _ = a.env(name)
	}
	if !strings.HasPrefix(text, "file:") {
		a.secrets.Add(text)
	}
}

// passwordsIn finds the secrets within a URL, also within one that cannot be
// parsed, and in a command that names what it passes.
func passwordsIn(text string) []string {
	var found []string
	add := func(s string) {
		found = append(found, s)
		if plain, err := url.PathUnescape(s); err == nil {
			found = append(found, plain)
		}
	}
	_, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		rest = text
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		authority, _, _ := strings.Cut(rest, "/")
		user, password, hasPassword := strings.Cut(rest[:at], ":")
		switch _, port := portOf(authority); {
		case strings.ContainsAny(user, "/? "): // the @ stands in a path
		case hasPassword && (strings.Contains(authority, "@") || !port):
			add(password)
		case isURL && strings.Contains(authority, "@"):
			add(user)
		}
	}
	_, query, _ := strings.Cut(rest, "?")
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return strings.ContainsRune("&;# '\"", r) }) {
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if capture.Sensitive(name) {
			add(value)
		}
	}
	for _, m := range namedSecret().FindAllStringSubmatch(text, -1) {
		if !isReference(m[1]) {
			add(m[1])
		}
	}
	return found
}

// portOf says whether the end of an authority is a port.
func portOf(authority string) (port string, ok bool) {
	_, port, found := strings.Cut(authority, ":")
	_, err := strconv.ParseUint(port, 10, 16)
	return port, found && err == nil
}

// namedSecret finds the value behind a word that announces a secret, as in a
// header that a command passes.
func namedSecret() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:authorization|api-?key|token|password|secret)\s*[:=]\s*(?:(?:basic|bearer)\s+)?([^\s'"&]{6,})`)
}
