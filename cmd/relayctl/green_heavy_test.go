//go:build heavy

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The receivers of the page of the first green run are red before and green
// after, strictly and with the probe.
func TestFirstGreenRunIsTrue(t *testing.T) {
	const dir = "../../docs/first-green-run/"
	bin := t.TempDir()
	for _, name := range []string{"before", "after"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, name), "./"+dir+"go/"+name).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, c := range []struct {
		name  string
		needs func() string
		args  []string
		dir   string
		want  int
	}{
		{"express before", needsExpress, []string{"node", "before.mjs"}, dir + "express", exitFellShort},
		{"express second", needsExpress, []string{"node", "second.mjs"}, dir + "express", exitFellShort},
		{"express after", needsExpress, []string{"node", "after.mjs"}, dir + "express", exitOK},
		{"flask before", lacksModules("python3", "flask"), []string{"python3", "before.py"}, dir + "flask", exitFellShort},
		{"flask after", lacksModules("python3", "flask, waitress"), []string{"python3", "-c", "import os, waitress, after; waitress.serve(after.app, host='127.0.0.1', port=os.environ['PORT'], threads=8)"}, dir + "flask", exitOK},
		{"go before", nothing, []string{filepath.Join(bin, "before")}, dir, exitFellShort},
		{"go after", nothing, []string{filepath.Join(bin, "after")}, dir, exitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			if missing := c.needs(); missing != "" {
				t.Skip(missing)
			}
			addr := freeAddress(t)
			_, port, _ := net.SplitHostPort(addr)
			cmd := exec.Command(c.args[0], c.args[1:]...)
			cmd.Dir = c.dir
			cmd.Env = append(os.Environ(), "PORT="+port, "RELAY_PASSWORD=geheim", "PYTHONDONTWRITEBYTECODE=1")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}()
			var out bytes.Buffer
			code := run(context.Background(), context.Background(), nil, []string{
				"check", "--strict", "--skip", "load", "--batch", "50", "--to", "http://" + addr + "/relay", "--wait-ready", "30s", "--save", t.TempDir(),
				"--auth", "basic", "--username", "relay", "--password", "env:RELAY_PASSWORD", "--probe", "http://" + addr + "/customers/{ccid}",
			}, &bytes.Buffer{}, &out, &out, []string{"RELAY_PASSWORD=geheim"})
			if code != c.want {
				t.Errorf("exit %d, want %d:\n%s", code, c.want, out.String())
			}
		})
	}
}

// The commands of the page do what it says, those of each language in one shell and in a
// folder that has only the files that the page names.
func TestFirstGreenRunCommands(t *testing.T) {
	page, err := os.ReadFile("../../docs/first-green-run.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, section := range strings.Split(string(page), "\n## ") {
		language, _, _ := strings.Cut(section, "\n")
		if language != "Flask" && language != "Go" {
			language = "Express"
		}
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
			scripts[language] += block[1]
		}
	}
	for language, c := range map[string]struct {
		needs func() string
		files []string
	}{
		"Express": {needsExpress, []string{"express/before.mjs", "express/second.mjs", "express/after.mjs", "express/node_modules"}},
		"Flask":   {lacksModules("python3", "flask, waitress"), []string{"flask/after.py"}},
		"Go":      {nothing, []string{"go/after/main.go"}},
	} {
		t.Run(language, func(t *testing.T) {
			if missing := c.needs(); missing != "" {
				t.Skip(missing)
			}
			dir := t.TempDir()
			for _, file := range c.files {
				bringFile(t, dir, "../../docs/first-green-run/"+file)
			}
			addr := freeAddress(t)
			_, port, _ := net.SplitHostPort(addr)
			script, checks := "failed=0\n", 0
			for line := range strings.Lines(strings.NewReplacer("127.0.0.1:3000", addr, "PORT=3000", "PORT="+port).Replace(scripts[language])) {
				if script += line; strings.HasPrefix(line, "relayctl ") {
					want := exitOK
					if strings.Contains(line, "# exit code 1") {
						want = exitFellShort
					}
					script += fmt.Sprintf("[ $? = %d ] || failed=1\n", want)
					checks++
				}
			}
			cmd := exec.Command("sh", "-c", script+"exit $failed")
			cmd.Dir, cmd.WaitDelay = dir, time.Second
			cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			if out, err := cmd.CombinedOutput(); err != nil || checks == 0 {
				t.Errorf("%d checks, %v:\n%s", checks, err, out)
			}
		})
	}
}

// bringFile puts a copy of a file into a folder, and a link to what npm installed.
func bringFile(t *testing.T, dir, file string) {
	t.Helper()
	name := filepath.Join(dir, filepath.Base(file))
	if filepath.Base(file) == "node_modules" {
		from, err := filepath.Abs(file)
		if err := errors.Join(err, os.Symlink(from, name)); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err := errors.Join(err, os.WriteFile(name, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func nothing() string { return "" }

func needsExpress() string {
	if _, err := os.Stat("../../docs/first-green-run/express/node_modules"); err != nil {
		return "express is not there: npm install in docs/first-green-run/express"
	}
	return ""
}

// lacksModules says what of a Python program's modules is missing.
func lacksModules(program, modules string) func() string {
	return func() string {
		if err := exec.Command(program, "-c", "import "+modules).Run(); err != nil {
			return program + " with " + modules + " is not there"
		}
		return ""
	}
}

// freeAddress is a loopback address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
