package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
)

// errNoScreen says that no browser can be shown here, as over ssh.
var errNoScreen = errors.New("no browser can be opened here: open the address in one")

// browse opens an address in the user's browser, which goes on by itself.
func (a *app) browse(url string) error {
	command := browser(runtime.GOOS, a.env)
	if command == nil {
		return errNoScreen
	}
	cmd := exec.Command(command[0], append(command[1:], url)...) //nolint:gosec // the user's own browser
	if err := cmd.Start(); err != nil {
		return errNoScreen
	}
	go func() { _ = cmd.Wait() }() // what becomes of it does not matter, but its entry has to go
	return nil
}

// browser returns the command that opens an address; nil without a display. The variable
// BROWSER names another command.
func browser(system string, env func(string) (string, bool)) []string {
	set := func(name string) bool { value, _ := env(name); return value != "" }
	own, _ := env("BROWSER")
	first := filepath.SplitList(own)
	switch {
	case len(first) > 0 && first[0] != "":
		return first[:1]
	case system == "darwin":
		return []string{"open"}
	case system == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case set("DISPLAY"), set("WAYLAND_DISPLAY"):
		return []string{"xdg-open"}
	}
	return nil
}
