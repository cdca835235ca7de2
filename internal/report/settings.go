package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/report/term"
)

// Setting is the effective value of a flag. Its secrets are hidden already.
type Setting struct {
	Name     string
	Value    any    // text, []string, or what JSON writes as a number or a boolean
	Source   string // flag, environment variable …, profile …, default
	Commands []string
	Shared   bool // every command that has the flag has this value
}

func (s *Setting) name() string {
	if s.Shared {
		return s.Name
	}
	return s.Name + " (" + strings.Join(s.Commands, ", ") + ")"
}

func (s *Setting) text() string {
	text := fmt.Sprint(s.Value)
	switch v := s.Value.(type) {
	case []string:
		text = strings.Join(v, ", ")
	case json.RawMessage:
		text = string(v)
	}
	if text == "" {
		return "(none)"
	}
	return term.Clean(text)
}

// Settings lists settings, one a line, or one object a line.
func Settings(w io.Writer, st *term.Style, list []Setting, asJSON bool) error {
	if asJSON {
		l := newLines(w)
		for _, s := range list {
			l.put(map[string]any{"name": s.Name, "value": s.Value, "source": s.Source, "commands": s.Commands})
		}
		return l.flush()
	}
	const widest = 36 // a longer name or value moves what follows it
	names, values := 0, 0
	for _, s := range list {
		names, values = max(names, min(len(s.name()), widest)), max(values, min(len(s.text()), widest))
	}
	b := bufio.NewWriter(w)
	for _, s := range list {
		line := fmt.Sprintf("%-*s  %-*s  %s", names, s.name(), values, s.text(), term.Clean(s.Source))
		if s.Source == "default" {
			line = st.Dim(line)
		}
		fmt.Fprintln(b, line)
	}
	return b.Flush()
}
