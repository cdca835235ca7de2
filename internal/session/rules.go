package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"relayctl/internal/atomicfile"
	"relayctl/internal/input"
	"relayctl/internal/recv/script"
)

// Mode is what a receiver answers at the moment.
type Mode string

// The modes: one answer for everything, or what the rules say.
const (
	ModeOK      Mode = "200"
	ModeFailing Mode = "500"
	ModeRefused Mode = "401"
	ModeTimeout Mode = "timeout"
	ModeRules   Mode = "rules"
)

// Modes lists them, in the order of the keys 1 to 5.
func Modes() []Mode { return []Mode{ModeOK, ModeFailing, ModeRefused, ModeTimeout, ModeRules} }

// ErrNoRules says that the session has no receiver whose answers could be changed.
var ErrNoRules = fmt.Errorf("%w: there is no receiver whose answers could be changed", ErrCapture)

// ErrUnsaved says that rules are in force, but could not be written to their file.
var ErrUnsaved = errors.New("the rules are in force, but the file could not be written")

// SetMode gives every request the same answer, before any rule; ModeRules ends that. With
// ModeOK the app still answers, if there is one. It returns ErrNoRules for a capture.
func (s *Session) SetMode(m Mode) error {
	if s.cfg.Rules == nil {
		return ErrNoRules
	}
	answer, err := m.answer()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Rules.Override(answer)
	s.mode = m
	return nil
}

// answer is what a mode answers everything with, nil for what the rules say.
func (m Mode) answer() (*script.Answer, error) {
	switch m {
	case ModeOK:
		return &script.Answer{Status: 200}, nil
	case ModeFailing:
		return &script.Answer{Status: 500}, nil
	case ModeRefused:
		return &script.Answer{Status: 401}, nil
	case ModeTimeout:
		return &script.Answer{Fault: script.Timeout}, nil
	case ModeRules:
		return nil, nil
	}
	return nil, fmt.Errorf("mode: %q is not one of 200, 500, 401, timeout, rules", m)
}

// Rules are what decides the answers.
type Rules struct {
	Mode  Mode
	Fixed []string // of --respond: they come first and do not change
	Text  string   // the rules after them, as YAML; "" for none
	File  string   // where Text comes from, "" for no file
	Saved bool     // File holds Text
}

// noRules is what a text without rules means.
const noRules = "rules: []\n"

// Rules returns the rules in force, or ErrNoRules.
func (s *Session) Rules() (Rules, error) {
	if s.cfg.Rules == nil {
		return Rules{Mode: ModeRules}, ErrNoRules
	}
	s.mu.Lock()
	mode := s.mode
	s.mu.Unlock()
	r := Rules{Mode: mode, Text: s.cfg.Rules.Text(), File: s.cfg.RulesFile}
	for _, rule := range s.cfg.Rules.Fixed {
		r.Fixed = append(r.Fixed, rule.Text)
	}
	if info, err := os.Stat(r.File); err == nil && info.Mode().IsRegular() { // a pipe is read once
		onDisk, err := input.ReadFile(context.Background(), r.File, 1<<20)
		r.Saved = err == nil && string(onDisk) == r.Text
	}
	return r, nil
}

// Change is what SetRules changes; what is nil stays.
type Change struct {
	Text *string // the rules after the fixed ones, as YAML; "" for none
	Mode *Mode
	Save bool // Text is written to the file too
}

// SetRules changes rules and mode together. If one of them is wrong, both stay, and the
// error says what is wrong, with line and column. With ErrUnsaved both have changed, but
// the file has not. The warnings are about rules that are in force all the same.
func (s *Session) SetRules(c Change) (warnings []string, err error) {
	switch {
	case s.cfg.Rules == nil:
		return nil, ErrNoRules
	case c.Save && c.Text == nil:
		return nil, errors.New("save needs the text that is to be saved")
	case c.Save && s.cfg.RulesFile == "":
		return nil, errors.New("there is no file of rules: listen was started without --rules")
	case c.Mode != nil:
		if _, err := c.Mode.answer(); err != nil {
			return nil, err
		}
	}
	text := ""
	if c.Text != nil {
		text = cmp.Or(*c.Text, noRules)
		doubts, err := s.cfg.Rules.Replace("rules", text)
		if err != nil {
			return nil, err
		}
		for _, d := range doubts {
			warnings = append(warnings, d.Error())
		}
	}
	if c.Mode != nil {
		if err := s.SetMode(*c.Mode); err != nil {
			return nil, err
		}
	}
	if mode := s.Stats().Mode; c.Text != nil && mode != ModeRules {
		warnings = append(warnings, fmt.Sprintf("the rules wait: the mode %s, which comes before them, is still in force until the mode is rules", mode))
	}
	if c.Save {
		if err := atomicfile.WriteFile(s.cfg.RulesFile, []byte(text), 0o666); err != nil {
			return warnings, fmt.Errorf("%w: %w", ErrUnsaved, err)
		}
	}
	return warnings, nil
}
