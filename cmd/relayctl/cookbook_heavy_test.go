//go:build heavy

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// until marks in the cookbook a command that goes on until the next one of its kind.
const until = "# Ctrl-C ends it"

// cook runs the commands of the cookbook, one after the other, in one folder.
type cook struct {
	t       *testing.T
	dir     string
	running map[string]*going // what goes on in the background, by its program
}

// going is a program in the background.
type going struct {
	cmd    *exec.Cmd
	output *output
}

// Every command of the cookbook does what the page says, with the app that it names,
// which cannot take one event before it is mended.
func TestCookbook(t *testing.T) {
	for _, program := range []string{"curl", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not here")
		}
	}
	page, err := os.ReadFile("../../docs/cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	app, err := os.ReadFile("../../docs/cookbook/app.py")
	if err != nil {
		t.Fatal(err)
	}
	c := &cook{t: t, dir: t.TempDir(), running: map[string]*going{}}
	if err := os.WriteFile(filepath.Join(c.dir, "app.py"), app, 0o600); err != nil {
		t.Fatal(err)
	}
	defer c.stopAll()
	own, address := freePort(t), freePort(t)
	t.Setenv("PORT", portIn(own))
	text := strings.NewReplacer("127.0.0.1:3000", own, "127.0.0.1:8443", address,
		"listen 3000", "listen "+portIn(own)+" --addr "+address).Replace(string(page))
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1)
	jobs := regexp.MustCompile(`(?m)^## (\d+) `).FindAllStringSubmatch(text, -1)
	if len(jobs) != 14 || jobs[13][1] != "14" {
		t.Errorf("the page has %d jobs", len(jobs))
	}
	commands := 0
	for _, b := range blocks {
		for line := range strings.Lines(b[1]) {
			commands++
			c.run(strings.TrimSpace(line))
		}
	}
	if commands < 30 {
		t.Errorf("only %d commands", commands)
	}
	for name, want := range map[string]string{"before.jsonl": `"status":500`, "shared.jsonl": `"v":1`, "customer.har": "no such notification", "relay-openapi.json": `"webhooks"`} {
		if text, err := os.ReadFile(filepath.Join(c.dir, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %s: %v", name, want, err)
		}
	}
}

func portIn(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// command is a line of the page for the shell.
func (c *cook) command(line string) *exec.Cmd {
	cmd := exec.CommandContext(c.t.Context(), "sh", "-c", line)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "HOME="+c.dir, "XDG_CONFIG_HOME="+c.dir, "NO_PROXY=*")
	return cmd
}

func (c *cook) run(line string) {
	c.t.Helper()
	if strings.Contains(line, until) {
		c.start(line)
		return
	}
	want := 0
	if m := regexp.MustCompile(`# exit code (\d)`).FindStringSubmatch(line); m != nil {
		want, _ = strconv.Atoi(m[1])
	}
	cmd := c.command(line)
	out, _ := cmd.CombinedOutput() // the code says it
	if code := cmd.ProcessState.ExitCode(); code != want {
		c.t.Errorf("%s\nended with %d, want %d:\n%s", line, code, want, out)
	}
	if strings.Contains(line, "--diff") && !strings.Contains(string(out), "body error") {
		c.t.Errorf("%s\nshows no difference of the body:\n%s", line, out)
	}
}

// start runs a command in the background, once the one before it of the same program
// has ended, and returns when it listens.
func (c *cook) start(line string) {
	c.t.Helper()
	program, _, _ := strings.Cut(line, " ")
	c.stop(program)
	g := &going{c.command("exec " + line), newOutput()}
	g.cmd.Stdout, g.cmd.Stderr = g.output, g.output
	if err := g.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.running[program] = g
	g.output.await(c.t, " on http://")
}

// stop ends what runs in the background, as Ctrl-C does.
func (c *cook) stop(program string) {
	g := c.running[program]
	if g == nil {
		return
	}
	_ = g.cmd.Process.Signal(os.Interrupt)
	_ = g.cmd.Wait() // the app's answer 500 makes the verdict of listen
	if g.cmd.ProcessState.ExitCode() > exitFellShort {
		c.t.Errorf("%s ended with %d:\n%s", program, g.cmd.ProcessState.ExitCode(), g.output.text.String())
	}
	delete(c.running, program)
}

func (c *cook) stopAll() {
	for program := range c.running {
		c.stop(program)
	}
}
