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

	"github.com/goccy/go-yaml"
)

// workflow is what is tried of a GitHub workflow.
type workflow struct {
	Jobs map[string]struct {
		Steps []struct{ Name, Run string }
	}
}

const verdictStep = "The verdict of listen"

// documentedWorkflow is the whole one of docs/ci.md, on ports that are free.
func documentedWorkflow(t *testing.T) workflow {
	t.Helper()
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, port := range []string{"3000", "9000"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, port, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
		defer l.Close() // not before the other one has its port too
	}
	_, text, found := strings.Cut(text, "# .github/workflows/webhook.yml\n")
	text, _, _ = strings.Cut(text, "```")
	var w workflow
	if err := yaml.Unmarshal([]byte(text), &w); err != nil || !found {
		t.Fatalf("found %v: %v", found, err)
	}
	return w
}

// inRunner runs a job's steps as GitHub's runner does until one fails, and gives
// the name of that one. The app is another listener, slow to start as apps are.
func (w workflow) inRunner(t *testing.T, job string, appFlags string) (failed string) {
	t.Helper()
	dir := t.TempDir()
	binary, err := exec.LookPath("relayctl")
	if err != nil {
		t.Fatal(err)
	}
	vars := filepath.Join(dir, "env")
	for name, text := range map[string]string{
		"start-my-app": "#!/bin/sh\necho $$ > app.pid\nsleep 0.5\nexec " + binary + " listen --tls off --addr 127.0.0.1:$2 " + appFlags + "\n",
		"test-my-app":  "#!/bin/sh\n", "relayctl": "#!/bin/sh\nexec " + binary + " \"$@\"\n", "env": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // they are run
			t.Fatal(err)
		}
	}
	defer func() { // what steps leave behind a runner ends
		left, _ := os.ReadFile(filepath.Join(dir, "app.pid"))
		if failed != "" && failed != verdictStep { // which ends listen
			given, _ := os.ReadFile(vars)
			left = append(left, given...)
		}
		for _, pid := range regexp.MustCompile(`\d+`).FindAllString(string(left), -1) {
			n, _ := strconv.Atoi(pid)
			if p, err := os.FindProcess(n); err == nil {
				_ = p.Kill()
			}
		}
	}()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, s := range w.Jobs[job].Steps {
		if s.Run == "" || strings.HasPrefix(s.Run, "go build") {
			continue
		}
		given, err := os.ReadFile(vars)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", s.Run)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
		cmd.Env = append(append(os.Environ(), "GITHUB_ENV="+vars, "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config")), strings.Fields(string(given))...)
		if cmd.Run() != nil {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s failed:\n%.2000s", s.Name, text)
			return s.Name
		}
	}
	return ""
}

// workflowRun is a job, the flags of the listener that stands for the app, and the
// step at which the job fails with it.
type workflowRun struct{ job, app, failed string }

// What the docs offer to copy passes with an app that does right, although that
// takes a moment to start. The heavy tests have apps that do wrong.
func TestWorkflowOfTheDocs(t *testing.T) {
	t.Parallel()
	tryWorkflow(t, []workflowRun{
		{"the-app-takes-what-relay-sends", "", ""},
		{"what-we-send-is-well-formed", "", ""},
	})
}

func tryWorkflow(t *testing.T, runs []workflowRun) {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here", tool)
		}
	}
	for _, tc := range runs {
		t.Run(tc.job+" "+tc.app, func(t *testing.T) {
			t.Parallel()
			if got := documentedWorkflow(t).inRunner(t, tc.job, tc.app); got != tc.failed {
				t.Errorf("failed at %q, want %q", got, tc.failed)
			}
		})
	}
}
