package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// releaseServer serves the release v1.2.3 as GoReleaser lays it out. Its relayctl
// is the tests' binary; spoil changes the archive after its checksum was taken.
func releaseServer(t *testing.T, spoil bool) string {
	t.Helper()
	binary, err := exec.LookPath("relayctl")
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nexec " + binary + " \"$@\"\n"
	var archive bytes.Buffer
	packed := gzip.NewWriter(&archive)
	files := tar.NewWriter(packed)
	if err := files.WriteHeader(&tar.Header{Name: "relayctl", Mode: 0o755, Size: int64(len(script))}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(files, script)
	files.Close()
	packed.Close()
	name := "relayctl_1.2.3_linux_" + runtime.GOARCH + ".tar.gz"
	sum := fmt.Sprintf("%x  %s\n", sha256.Sum256(archive.Bytes()), name)
	if spoil {
		archive.WriteByte(0)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1.2.3/checksums.txt", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, sum) })
	mux.HandleFunc("/v1.2.3/"+name, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) })
	mux.HandleFunc("/v9.9.9/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, r.URL.Path, _ = strings.Cut(r.URL.Path, "/releases/download")
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/o/relayctl/releases/download"
}

// needLinux leaves a test out where the tools of CI services are not the same.
func needLinux(t *testing.T, tools ...string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the tools of this system differ")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here", tool)
		}
	}
}

func TestReleaseIsFetchedByItsChecksum(t *testing.T) {
	needLinux(t, "bash", "curl", "tar", "awk")
	for name, tc := range map[string]struct {
		tag, says     string
		spoil, fails  bool
		leavesABinary bool
	}{
		"a release":         {tag: "v1.2.3", says: "checksum verified", leavesABinary: true},
		"a branch":          {tag: "main", says: "main has no release"},
		"a spoiled archive": {tag: "v1.2.3", spoil: true, fails: true, says: "the checksum of relayctl_1.2.3_linux_"},
		"a failing server":  {tag: "v9.9.9", fails: true, says: "status 403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := filepath.Join(t.TempDir(), "bin")
			cmd := exec.CommandContext(t.Context(), "../../packaging/fetch-release", releaseServer(t, tc.spoil), tc.tag, to)
			out, err := cmd.CombinedOutput()
			if (err != nil) != tc.fails || !strings.Contains(string(out), tc.says) {
				t.Errorf("failed: %v, want %v\n%s", err, tc.fails, out)
			}
			if _, err := os.Stat(filepath.Join(to, "relayctl")); (err == nil) != tc.leavesABinary {
				t.Errorf("a binary is there: %v, want %v", err == nil, tc.leavesABinary)
			}
		})
	}
}

// step is a step of action.yml.
type step struct {
	ID, Name, If, Run string
	Dir               string `yaml:"working-directory"`
	Env               map[string]string
}

// The action's steps run as GitHub's runner runs them, but for the steps of other
// actions, with the release of its tag.
func TestActionStepByStep(t *testing.T) { tryAction(t, "v1.2.3", false) }

// tryAction runs the action of a tag, or of a branch, for which it builds relayctl.
func tryAction(t *testing.T, tag string, built bool) {
	t.Helper()
	t.Parallel()
	needLinux(t, "bash", "curl", "tar", "awk")
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]struct{ Default string }
		Runs   struct{ Steps []step }
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	values := map[string]string{"github.action_path": root, "github.server_url": strings.TrimSuffix(releaseServer(t, false), "/o/relayctl/releases/download"), "github.action_ref": tag, "github.action_repository": "o/relayctl"}
	for name, input := range action.Inputs {
		values["inputs."+name] = input.Default
	}
	values["inputs.to"], values["inputs.flags"] = startGoodApp(t), "--only=http.*"
	ran := ""
	for _, s := range action.Runs.Steps {
		if s.Run == "" || !holds(t, s.If, values) {
			continue
		}
		ran += s.Name + ", "
		s.inRunner(t, dir, values)
	}
	if got := strings.Contains(ran, "Build"); got != built {
		t.Errorf("steps %sbuilt from source: %v, want %v", ran, got, built)
	}
	for _, report := range []string{"check.json", "check.xml", "check.html"} {
		if _, err := os.Stat(filepath.Join(dir, "relayctl-check", report)); err != nil {
			t.Error(err)
		}
	}
}

// evaluate gives the value of an expression of a workflow: names, texts, && and ||.
func evaluate(expression string, values map[string]string) string {
	if left, right, ok := strings.Cut(expression, " || "); ok {
		return cmp.Or(evaluate(left, values), evaluate(right, values))
	}
	if left, right, ok := strings.Cut(expression, " && "); ok {
		if evaluate(left, values) == "" {
			return ""
		}
		return evaluate(right, values)
	}
	if text, ok := strings.CutPrefix(expression, "'"); ok {
		return strings.TrimSuffix(text, "'")
	}
	return values[expression]
}

// holds says whether a step's condition, of comparisons with nothing, is met.
func holds(t *testing.T, condition string, values map[string]string) bool {
	t.Helper()
	for part := range strings.SplitSeq(condition, " && ") {
		if name, ok := strings.CutSuffix(part, " == ''"); ok && values[name] != "" {
			return false
		} else if !ok && part != "" {
			t.Fatalf("the test does not know the condition %q", part)
		}
	}
	return true
}

var placeholder = regexp.MustCompile(`\$\{\{ (.+?) \}\}`)

// inRunner runs a step in dir and adds what it puts out to values.
func (s step) inRunner(t *testing.T, dir string, values map[string]string) {
	t.Helper()
	filled := func(text string) string {
		return placeholder.ReplaceAllStringFunc(text, func(m string) string {
			return evaluate(placeholder.FindStringSubmatch(m)[1], values)
		})
	}
	output := filepath.Join(dir, "output")
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", filled(s.Run))
	cmd.Dir = cmp.Or(filled(s.Dir), dir)
	cmd.Env = append(os.Environ(), "RUNNER_TEMP="+dir, "GITHUB_OUTPUT="+output, "RUNNER_OS=Linux", "XDG_CONFIG_HOME="+dir)
	for name, value := range s.Env {
		if value = filled(value); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", s.Name, err, out)
	}
	text, _ := os.ReadFile(output)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		values["steps."+s.ID+".outputs."+name] = value
	}
}

// startGoodApp runs an endpoint that takes everything and gives its URL.
func startGoodApp(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "relayctl", "listen", "--tls", "off", "--addr", "127.0.0.1:0", "--output", "json", "--fail-on", "never")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var banner struct{ URL string }
	lines := bufio.NewReader(out)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(first, &banner); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-done; _ = cmd.Wait() })
	return banner.URL
}

// The component's script runs with the inputs filled in as GitLab does it.
func TestGitLabComponent(t *testing.T) {
	needLinux(t, "bash", "curl", "tar", "sha256sum", "sed")
	text, err := os.ReadFile("../../templates/check.yml")
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(text), "\n---\n")
	var spec struct {
		Spec struct {
			Inputs map[string]struct{ Default *string }
		}
	}
	if err := yaml.Unmarshal([]byte(head), &spec); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"to": startGoodApp(t), "releases": releaseServer(t, false), "tag": "v1.2.3", "flags": "--only=http.*"}
	for name, input := range spec.Spec.Inputs {
		value, ok := given[name]
		if !ok && input.Default == nil {
			t.Fatalf("the test does not set %s", name)
		} else if !ok {
			value = *input.Default
		}
		body = strings.ReplaceAll(body, "$[[ inputs."+name+" ]]", value)
	}
	var jobs map[string]struct {
		Variables map[string]string
		Script    []string
	}
	if err := yaml.Unmarshal([]byte(body), &jobs); err != nil || strings.Contains(body, "$[[") {
		t.Fatalf("%v\n%s", err, body)
	}
	job := jobs["relayctl-check"]
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", strings.Join(job.Script, "\n"))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
	for name, value := range job.Variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(cmd.Dir, "relay.xml")); err != nil {
		t.Error(err)
	}
}
