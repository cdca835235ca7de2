package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"relayctl/internal/report/term"
)

// tmux is a terminal in which relayctl runs.
type tmux struct {
	t      *testing.T
	socket string
}

func startTmux(t *testing.T, width, height int, command string) *tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil || runtime.GOOS == "windows" {
		t.Skip("tmux is not here")
	}
	dir, err := os.MkdirTemp("", "tmux") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	x := &tmux{t, filepath.Join(dir, "s")}
	t.Cleanup(func() { _ = x.cmd("kill-server").Run(); _ = os.RemoveAll(dir) })
	out, err := x.cmd("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), command).CombinedOutput()
	if err != nil {
		t.Skipf("tmux does not start here: %v %s", err, out)
	}
	return x
}

func (x *tmux) cmd(args ...string) *exec.Cmd {
	cmd := exec.Command("tmux", append([]string{"-S", x.socket}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "XDG_CONFIG_HOME="+filepath.Dir(x.socket))
	return cmd
}

func (x *tmux) keys(keys ...string) {
	x.t.Helper()
	if out, err := x.cmd(append([]string{"send-keys"}, keys...)...).CombinedOutput(); err != nil {
		x.t.Fatalf("%v %s", err, out)
	}
}

// resize changes the size of the terminal.
func (x *tmux) resize(width, height int) {
	x.t.Helper()
	if out, err := x.cmd("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height)).CombinedOutput(); err != nil {
		x.t.Fatalf("%v %s", err, out)
	}
}

// shows waits until the screen matches, and returns it.
func (x *tmux) shows(pattern string) string {
	x.t.Helper()
	want := regexp.MustCompile(pattern)
	deadline := time.Now().Add(20 * time.Second)
	for {
		out, _ := x.cmd("capture-pane", "-p").Output()
		if want.Match(out) {
			return string(out)
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("%q is never shown:\n%s", pattern, out)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func relayctlBinary(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("relayctl")
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// send delivers what is named to the URL that the screen shows.
func (x *tmux) send(what ...string) {
	x.t.Helper()
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)
	x.shows(url.String())
	to := url.FindString(x.shows("waiting for requests"))
	send := exec.CommandContext(x.t.Context(), relayctlBinary(x.t), append([]string{"send", "--to", to, "--time-scale", "0.001"}, what...)...)
	send.Env = append(os.Environ(), "HOME="+x.t.TempDir())
	if out, err := send.CombinedOutput(); err != nil {
		x.t.Fatalf("%v\n%s", err, out)
	}
}

// The keyboard view in a real terminal, at three sizes, resized in the middle; the
// summary and the exit code are as without it.
func TestKeyboardView(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			t.Parallel()
			binary := relayctlBinary(t)
			x := startTmux(t, size[0], size[1], binary+" listen --tls off --addr 127.0.0.1:0 --respond 'message.*=500,200' -i; echo exit code $?; cat")
			x.send()
			x.shows(`8 requests`)
			x.keys("k", "Enter")
			x.shows("esc back")
			x.keys("Escape")
			x.shows("q end")
			x.resize(70, 16)
			x.shows(`(?s)^relayctl http.*8 requests`)
			x.keys("q")
			x.shows(`exit code 0`)
			if screen := x.shows("in true order"); strings.Contains(screen, "▸") {
				t.Errorf("the view is left behind:\n%s", screen)
			}
		})
	}
}

func TestKeyboardViewIsRefusedByADumbTerminal(t *testing.T) {
	t.Parallel()
	binary := relayctlBinary(t)
	x := startTmux(t, 80, 24, "TERM=dumb "+binary+" listen -i --addr 127.0.0.1:0; echo exit code $?; cat")
	if screen := x.shows("exit code 2"); !strings.Contains(screen, "move its cursor") {
		t.Error(screen)
	}
}

// Notices wait while the view owns the screen, whoever has them, and none is lost.
func TestNoticesWaitForTheKeyboardView(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := &app{errors: term.NewScreen(&out)}
	k := &keyboard{done: make(chan error, 1), stop: func() {}}
	k.done <- nil
	a.notice("before")
	a.view.Store(k)
	a.notice("meanwhile")
	if out.String() != "relayctl: before\n" {
		t.Errorf("%q", out.String())
	}
	k.end(a)
	a.notice("after")
	if out.String() != "relayctl: before\nrelayctl: meanwhile\nrelayctl: after\n" {
		t.Errorf("%q", out.String())
	}
}

// Ctrl-C and the end of --for give the terminal back, with the summary.
func TestKeyboardViewEndsInGoodOrder(t *testing.T) {
	t.Parallel()
	binary := relayctlBinary(t)
	x := startTmux(t, 80, 24, binary+" listen --tls off --addr 127.0.0.1:0 -i; echo exit code $?; cat")
	x.shows("waiting for requests")
	x.keys("C-c")
	x.shows(`(?s)0 requests, 0 events.*exit code 0`)
	x = startTmux(t, 80, 24, binary+" listen --tls off --addr 127.0.0.1:0 --for 2s -i; echo exit code $?; cat")
	x.shows("waiting for requests")
	x.shows(`(?s)0 requests, 0 events.*exit code 0`)
}

// A terminal that goes away ends the view, and with it the listener.
func TestKeyboardViewEndsWithItsTerminal(t *testing.T) {
	t.Parallel()
	binary := relayctlBinary(t)
	ended := filepath.Join(t.TempDir(), "ended")
	x := startTmux(t, 80, 24, "trap '' HUP; "+binary+" listen --tls off --addr 127.0.0.1:0 -i; touch "+ended)
	x.shows("waiting for requests")
	if err := x.cmd("kill-server").Run(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(20 * time.Millisecond) {
		if _, err := os.Stat(ended); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("listen goes on without its terminal")
		}
	}
}

// SIGTERM gives the terminal back, with the summary and the verdict.
func TestKeyboardViewEndsOnSIGTERM(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	x := startTmux(t, 80, 24, "sh -c 'echo $$ >"+pid+"; exec "+relayctlBinary(t)+" listen --tls off --addr 127.0.0.1:0 -i'; echo exit code $?; stty -a | tr ';' '\\n' | grep -w -e icanon -e isig; cat")
	x.send("message.delivered")
	x.shows("1 request ")
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", "-TERM", strings.TrimSpace(string(text))).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	screen := x.shows(`(?s)1 request, 1 event.*exit code 0`)
	if strings.Contains(screen, "▸") {
		t.Errorf("the view is left behind:\n%s", screen)
	}
	if screen := x.shows("icanon"); strings.Contains(screen, "-icanon") || strings.Contains(screen, "-isig") {
		t.Errorf("the terminal is still in raw mode:\n%s", screen)
	}
}

// The verdict of --fail-on is the exit code, as without the view.
func TestKeyboardViewKeepsTheVerdict(t *testing.T) {
	t.Parallel()
	x := startTmux(t, 80, 24, relayctlBinary(t)+" listen --tls off --addr 127.0.0.1:0 --fail-on duplicate -i; echo exit code $?; cat")
	x.send("message.delivered", "--duplicates", "1")
	x.shows("2 requests")
	x.keys("q")
	x.shows("exit code 1")
}

// A capture is looked at in the same way: all views, and other sizes in the middle.
func TestKeyboardViewOfACapture(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "capture.jsonl")
	binary := relayctlBinary(t)
	x := startTmux(t, 80, 24, binary+" listen --tls off --addr 127.0.0.1:0 --capture "+file+" -i; clear; "+binary+" inspect "+file+" -i; echo exit code $?; cat")
	x.send()
	x.shows("6 requests")
	x.keys("q")
	x.shows(`(?ms)^relayctl \S*capture\.jsonl\n.*6 requests.*\? keys`) // not the summary of listen: keys would be lost
	x.keys("g", "Enter")
	x.shows("#1  notification_channel.add")
	x.resize(40, 12)
	x.shows(`(?m)^#1  notif.*1–9 of`)
	x.keys("t")
	x.shows("(?s)customer.*came")
	x.resize(120, 40)
	x.shows(`(?s)customer \d+ in true order   esc back.*came.*\n\n`)
	x.keys("Escape", "Escape")
	x.shows("6 requests")
	x.keys("/")
	x.keys("-l", "event=message.*")
	x.keys("Enter")
	x.shows(regexp.QuoteMeta("  /event=message.*"))
	x.keys("1")
	x.shows("no receiver")
	x.keys("q")
	x.shows(`(?s)capture\.jsonl: 6 requests, 6 events.*answers +200 × 6.*exit code 0`) // with the usual summary
}

// A notice is shown while the view owns the screen, and told again at the end.
func TestKeyboardViewShowsNotices(t *testing.T) {
	t.Parallel()
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	write := func(text string) {
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rules: []\n")
	x := startTmux(t, 100, 24, relayctlBinary(t)+" listen --tls off --addr 127.0.0.1:0 --rules "+rules+" -i; echo exit code $?; cat")
	x.shows("waiting for requests")
	write("rules: [{respnd: 500}]\n")
	x.shows(`(?s)respnd.*\? keys`)
	x.keys("q")
	x.shows(`(?s)respnd.*exit code 0`)
}

// A command writes nothing to a terminal but its result: in particular it does not ask
// for the background, whose answer a terminal may owe for seconds.
func TestNoCommandAsksTheTerminal(t *testing.T) {
	t.Parallel()
	script, err := exec.LookPath("script")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("script of util-linux is not here")
	}
	cmd := exec.CommandContext(t.Context(), script, "-qc", relayctlBinary(t)+" version", os.DevNull)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	if out, err := cmd.Output(); err != nil || !strings.HasPrefix(string(out), "relayctl ") {
		t.Errorf("%v %q", err, out)
	}
}

// What is kept for the end is bounded; the view still shows what comes later.
func TestNoticesAreShownBeyondThoseThatAreKept(t *testing.T) {
	t.Parallel()
	k := &keyboard{shown: make(chan string, mostHeld)}
	for i := range 2 * mostHeld {
		if !k.hold(fmt.Sprint(i)) {
			t.Fatal("the screen is not free")
		}
		if got := <-k.shown; got != fmt.Sprint(i) {
			t.Fatalf("%s is shown instead of %d", got, i)
		}
	}
	if held := k.release(); len(held) != mostHeld {
		t.Errorf("%d are held", len(held))
	}
}
