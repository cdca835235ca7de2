//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"relayctl/internal/capture"
)

// listener is a running relayctl listen.
type listener struct {
	*exec.Cmd
	url  string
	out  bytes.Buffer // what it wrote after its first line, once read is closed
	read chan struct{}
}

func startBinary(t *testing.T, args ...string) *listener {
	t.Helper()
	l := &listener{
		Cmd:  exec.Command("relayctl", append([]string{"listen", "--tls", "off", "--addr", "127.0.0.1:0", "--output", "json"}, args...)...),
		read: make(chan struct{}),
	}
	l.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
	out, err := l.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	line, err := r.ReadBytes('\n')
	var banner struct{ URL string }
	if err = errors.Join(err, json.Unmarshal(line, &banner)); err != nil {
		t.Fatal(err)
	}
	l.url = banner.URL
	go func() { defer close(l.read); _, _ = io.Copy(&l.out, r) }()
	t.Cleanup(func() { l.end(os.Kill) })
	return l
}

// end signals the listener and waits for its end. It may be called twice.
func (l *listener) end(sig os.Signal) {
	_ = l.Process.Signal(sig)
	<-l.read
	_ = l.Wait()
}

// load posts events over 64 connections until the receiver is gone, and gives
// the ids that were answered 200. After enough of them it calls kill.
func load(url, prefix string, enough int, kill func()) map[string]bool {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	acked := make(map[string]bool)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range 64 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", prefix, c, i)
				body := fmt.Sprintf(`{"event_id":%q,"event_name":"message.delivered","event_ts":"2026-01-31T12:00:00.000Z","payload":{}}`, id)
				resp, err := client.Post(url, "application/json", strings.NewReader(body))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					continue
				}
				mu.Lock()
				acked[id] = true
				if len(acked) == enough {
					kill()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acked
}

// captured gives the ids of a capture.
func captured(t *testing.T, path string) map[string]bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ids := make(map[string]bool)
	for r := capture.NewReader(f); ; {
		rec, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return ids
		case err != nil:
			t.Fatal(err)
		}
		ids[rec.EventID] = true
	}
}

// Whenever listen is killed, what it answered 200 is in the capture, and the
// next one goes on with the same file.
func TestNoAnswered200IsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	acked := make(map[string]bool)
	for i := range kills {
		l := startBinary(t, "--capture", path)
		for id := range load(l.url, fmt.Sprint(i), 300+50*i, func() { _ = l.Process.Kill() }) {
			acked[id] = true
		}
		l.end(os.Kill)
	}
	ids := captured(t, path)
	missing := 0
	for id := range acked {
		if !ids[id] {
			missing++
		}
	}
	if missing > 0 || len(acked) < 300*kills {
		t.Errorf("of %d events answered 200, %d are missing", len(acked), missing)
	}
}
