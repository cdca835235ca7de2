package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"relayctl/internal/report/term"
)

// ShellQuote writes a word for a POSIX shell, in quotes where it needs them.
func ShellQuote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:@%+,=", r)
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// secrets are the shell variables that stand for secrets in a command.
type secrets []string

// queryPrefix begins the names of variables for secrets of a URL's query.
const queryPrefix = "QUERY_"

// variable is the name of the shell variable for a secret.
func variable(name string) string {
	return "RELAY_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// word is the variable for a secret, in double quotes. It is noted.
func (s *secrets) word(name string) string { return `"$` + s.note(name) + `"` }

func (s *secrets) note(name string) string {
	v := variable(name)
	if !slices.Contains(*s, v) {
		*s = append(*s, v)
	}
	return v
}

// header is curl's option for a secret header: one word, or none where the variable is
// not set.
func (s *secrets) header(name string) string {
	v := s.note(name)
	return "${" + v + ":+-H" + ShellQuote(name+": ") + `"$` + v + `"}`
}

// url writes a URL as a word; the values in its query that are secret become
// variables.
func (s *secrets) url(u string, secret func(name, value string) bool) string {
	base, query, ok := strings.Cut(u, "?")
	if !ok {
		return ShellQuote(u)
	}
	text, plain := "", base+"?"
	for i, param := range strings.Split(query, "&") {
		if i > 0 {
			plain += "&"
		}
		name, value, hasValue := strings.Cut(param, "=")
		if !hasValue || !secret(name, value) {
			plain += param
			continue
		}
		text += ShellQuote(plain+name+"=") + s.word(queryPrefix+name)
		plain = ""
	}
	if plain != "" {
		text += ShellQuote(plain)
	}
	return text
}

// shellBytes writes any bytes as a word that printf prints them from, in ASCII.
func shellBytes(b []byte) string {
	var s strings.Builder
	s.WriteByte('\'')
	for _, c := range b {
		switch {
		case c == '\n':
			s.WriteString(`\n`)
		case c == '\\':
			s.WriteString(`\\`)
		case c == '%':
			s.WriteString(`%%`)
		case c < ' ' || c >= 0x7f || c == '\'':
			fmt.Fprintf(&s, `\%03o`, c)
		default:
			s.WriteByte(c)
		}
	}
	s.WriteByte('\'')
	return s.String()
}

// arguments splits a command at the spaces between its words. Quotes, substitutions and
// what stands in brackets stay whole.
func arguments(command string) []string {
	var words []string
	var quote rune
	start, depth, escaped := 0, 0, false
	for at, r := range command {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote == '\'' && r != '\'':
		case r == '\'' && quote != '"' || r == '"' && quote != '\'':
			if quote == 0 {
				quote = r
			} else {
				quote = 0
			}
		case r == '(' || r == '{':
			depth++
		case r == ')' || r == '}':
			depth--
		case r == ' ' && quote == 0 && depth == 0:
			words = append(words, command[start:at])
			start = at + 1
		}
	}
	return append(words, command[start:])
}

// continued breaks a command between its words so that its lines fit the width beside an
// indent, where the shell goes on with the next line.
func continued(command string, width, indent int) string {
	const on = ` \`
	if indent+term.Columns(command) <= width {
		return command
	}
	var b strings.Builder
	room := 0
	for i, w := range arguments(command) {
		n := term.Columns(w) + len(on)
		switch {
		case i == 0:
			room = width - indent - n
		case room < n+1:
			b.WriteString(on + "\n" + strings.Repeat(" ", indent+2))
			room = width - indent - 2 - n
		default:
			b.WriteString(" ")
			room -= n + 1 - len(on)
		}
		b.WriteString(w)
	}
	return b.String()
}
