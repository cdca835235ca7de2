package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"relayctl/internal/capture"
	"relayctl/internal/quiet"
)

func TestMain(m *testing.M) {
	quiet.Restore() // the commands that tests run must not see it either
	_ = os.Setenv(raceOptions, noSleep)
	testscript.Main(sideBySide{m}, map[string]func(){"relayctl": main})
}

// Without these options a command that the race detector watches sleeps for a second
// before it ends.
const raceOptions, noSleep = "GORACE", "atexit_sleep_ms=0"

// sideBySide runs more tests at once than there are processors: many of them wait.
type sideBySide struct{ *testing.M }

func (m sideBySide) Run() int {
	flag.Parse()
	if err := flag.Set("test.parallel", testsAtOnce); err != nil {
		panic(err)
	}
	return m.M.Run()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv(raceOptions, noSleep)
			// Nobody listens there: who asks for a free port gets no number below 1024.
			e.Setenv("VACANT", "127.0.0.1:1")
			e.Setenv("GOGC", "400") // short lives, seven hundred of them
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"endpoint": startEndpoint,
			"requests": checkRequests,
			"samebodies": func(ts *testscript.TestScript, _ bool, args []string) {
				sameBodies(ts, args)
			},
			"listen": startListen,
			"post":   post,
			"raw":    raw,
			"interrupt": func(ts *testscript.TestScript, _ bool, args []string) {
				interrupt(ts, args)
			},
			"hangup": func(ts *testscript.TestScript, _ bool, args []string) { hangUp(ts, args) },
			"taken":  takePort,
			"step":   writeStep,
		},
	})
}

// startEndpoint runs a recording server that nobody here wrote relayctl for:
// "endpoint NAME STATUS[,STATUS…]" sets $NAME to its URL. Status 0 hangs up
// without an answer.
func startEndpoint(ts *testscript.TestScript, _ bool, args []string) {
	var statuses []int
	for s := range strings.SplitSeq(args[1], ",") {
		n, err := strconv.Atoi(s)
		ts.Check(err)
		statuses = append(statuses, n)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	var mu sync.Mutex
	n := 0
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		status := statuses[min(n, len(statuses)-1)]
		n++
		fmt.Fprintf(log, "%s %q %q %s\n", r.Method, r.Header.Get("Authorization"), r.Header.Get("ApiKey"), body)
		mu.Unlock()
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		if status >= 300 && status < 400 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	ts.Setenv(args[0], "http://"+l.Addr().String()+"/hook")
	ts.Defer(func() { _ = srv.Close(); <-done; _ = log.Close() })
}

// checkRequests says how many requests an endpoint got, and that all are
// byte-identical: "requests NAME N [identical]".
func checkRequests(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[0]+".log")), "\n")
	if lines[0] == "" {
		lines = nil
	}
	if fmt.Sprint(len(lines)) != args[1] {
		ts.Fatalf("%d requests, want %s:\n%s", len(lines), args[1], strings.Join(lines, "\n"))
	}
	for _, l := range lines {
		if len(args) > 2 && l != lines[0] {
			ts.Fatalf("not identical:\n%s\n%s", lines[0], l)
		}
	}
}

// startListen runs "relayctl listen --output json" with the arguments, waits
// until it says where it listens, and sets $URL and $CA. The output goes to
// listen.out, the exit code to listen.code.
func startListen(ts *testscript.TestScript, _ bool, args []string) {
	out, err := os.Create(ts.MkAbs("listen.out"))
	ts.Check(err)
	pr, pw := io.Pipe()
	cmd := exec.CommandContext(context.Background(), lookBinary(ts), append([]string{"listen", "--output", "json", "--addr", "127.0.0.1:0"}, args...)...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), []string{"XDG_CONFIG_HOME=" + ts.Getenv("XDG_CONFIG_HOME"), "HOME=" + ts.Getenv("HOME"), "HTTP_PROXY=" + ts.Getenv("HTTP_PROXY")}
	cmd.Stdout = io.MultiWriter(out, pw)
	stderr, err := os.Create(ts.MkAbs("listen.err"))
	ts.Check(err)
	cmd.Stderr = stderr
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its code is what counts
		_ = pw.Close() // so that nobody waits for a line of one that ended
		close(ended)
	}()
	first, err := bufio.NewReader(pr).ReadString('\n')
	if err != nil {
		ts.Fatalf("listen ended before it listened:\n%s", ts.ReadFile("listen.err"))
	}
	go func() { _, _ = io.Copy(io.Discard, pr) }()
	var banner struct{ URL, CA string }
	ts.Check(json.Unmarshal([]byte(first), &banner))
	ts.Setenv("URL", banner.URL)
	scheme, rest, _ := strings.Cut(banner.URL, "://")
	ts.Setenv("OTHER", map[string]string{"http": "https://", "https": "http://"}[scheme]+rest)
	ts.Setenv("CA", banner.CA)
	running.Store(ts.Getenv("WORK"), started{cmd, ended})
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = out.Close()
		_ = stderr.Close()
	})
}

// started is a listener, and ended is closed when it has ended.
type started struct {
	*exec.Cmd
	ended <-chan struct{}
}

// running holds the listeners of scripts that run side by side.
var running sync.Map

// interrupt ends the listener with Ctrl-C, or with "wait" lets it end by
// itself, and checks its exit code: "interrupt CODE [wait]".
func interrupt(ts *testscript.TestScript, args []string) {
	v, _ := running.Load(ts.Getenv("WORK"))
	cmd := v.(started)
	if len(args) < 2 {
		ts.Check(cmd.Process.Signal(os.Interrupt))
	}
	<-cmd.ended
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("listen ended with %s, want %s:\n%s", got, args[0], ts.ReadFile("listen.err"))
	}
}

// hangUp sends SIGHUP to the listener, as logrotate does: "hangup FILE" returns when
// it has begun that file.
func hangUp(ts *testscript.TestScript, args []string) {
	v, _ := running.Load(ts.Getenv("WORK"))
	ts.Check(v.(started).Process.Signal(syscall.SIGHUP))
	for deadline := time.Now().Add(10 * time.Second); !fileExists(ts.MkAbs(args[0])); runtime.Gosched() {
		if time.Now().After(deadline) {
			ts.Fatalf("%s was not begun", args[0])
		}
	}
}

// lookBinary finds the relayctl that testscript put on the scripts' path.
func lookBinary(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, "relayctl"); fileExists(p) {
			return p
		}
	}
	ts.Fatalf("relayctl is not on the path")
	return ""
}

func fileExists(p string) bool { _, err := os.Stat(p); return err == nil }

// post sends a body as another client would; a STATUS of "cut" is a connection
// that ends without an answer: "post STATUS BODY [HEADER VALUE]…".
func post(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ts.Getenv("URL"), strings.NewReader(args[1]))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	for i := 2; i < len(args); i += 2 {
		req.Header[args[i]] = []string{args[i+1]}
	}
	resp, err := http.DefaultClient.Do(req)
	if args[0] == "cut" {
		if err == nil {
			ts.Fatalf("answered %d, want none", resp.StatusCode)
		}
		return
	}
	ts.Check(err)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if fmt.Sprint(resp.StatusCode) != args[0] {
		ts.Fatalf("answered %d, want %s", resp.StatusCode, args[0])
	}
}

// raw writes what no client would to the listener, with BIG for 70,000 letters, and
// looks for a text in what comes back: "raw TEXT BYTES".
func raw(ts *testscript.TestScript, _ bool, args []string) {
	u, err := url.Parse(ts.Getenv("URL"))
	ts.Check(err)
	c, err := net.Dial("tcp", u.Host)
	ts.Check(err)
	defer c.Close()
	ts.Check(c.SetDeadline(time.Now().Add(10 * time.Second)))
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], "BIG", strings.Repeat("a", 70_000)) + `"`)
	ts.Check(err)
	_, err = io.WriteString(c, text)
	ts.Check(err)
	buf := make([]byte, 4096)
	n, _ := io.ReadAtLeast(c, buf, len(args[0])+len("HTTP/1.1 400 "))
	if got := string(buf[:n]); !strings.Contains(got, args[0]) {
		ts.Fatalf("answered %q, want %q", got, args[0])
	}
}

// takePort sets $TAKEN to an address that is in use.
func takePort(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("TAKEN", l.Addr().String())
	ts.Defer(func() { l.Close() })
}

// sameBodies holds two captures to the same bodies in the same order, byte for
// byte; what has none is left out. With a scale the second one's spacing is at
// least the first one's times the scale: "samebodies A B [SCALE]".
func sameBodies(ts *testscript.TestScript, args []string) {
	read := func(path string) (bodies [][]byte, at []time.Time) {
		r := capture.NewReader(strings.NewReader(ts.ReadFile(path)))
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				return bodies, at
			}
			ts.Check(err)
			if !rec.Omitted {
				bodies, at = append(bodies, bytes.Clone(rec.Body)), append(at, rec.ReceivedAt)
			}
		}
	}
	a, atA := read(args[0])
	b, atB := read(args[1])
	if len(a) == 0 || !slices.EqualFunc(a, b, bytes.Equal) {
		ts.Fatalf("%d and %d bodies that differ", len(a), len(b))
	}
	if len(args) < 3 {
		return
	}
	scale, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	for i := range a {
		want := time.Duration(scale * float64(atA[i].Sub(atA[0])))
		// The first receipt may be slow on a busy machine, which brings the others
		// nearer to it: only a spacing that is large beside that says something.
		if got := atB[i].Sub(atB[0]); got < want-200*time.Millisecond {
			ts.Fatalf("body %d came after %v, want %v", i, got, want)
		}
	}
}
