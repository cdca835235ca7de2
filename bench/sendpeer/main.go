// Command sendpeer is what bench/send needs beside the tools that it measures.
//
//	sendpeer targets URL   turns JSON Lines on stdin into targets for vegeta
//	sendpeer arrivals      receives calls until stdin ends, then says how evenly they came
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sendpeer:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "targets":
		return targets(args[1])
	case len(args) == 1 && args[0] == "arrivals":
		return arrivals()
	}
	return errors.New("usage: sendpeer targets URL | arrivals")
}

func targets(url string) error {
	type target struct {
		Method string              `json:"method"`
		URL    string              `json:"url"`
		Body   []byte              `json:"body"`
		Header map[string][]string `json:"header"`
	}
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		t := target{http.MethodPost, url, in.Bytes(), map[string][]string{"Content-Type": {"application/json"}}}
		if err := enc.Encode(t); err != nil {
			return err
		}
	}
	return errors.Join(in.Err(), out.Flush())
}

// arrivals prints its URL, and at the end of stdin: calls, mean gap in ms, p99 of the gap's
// deviation from the mean in ms, and the most calls in any ten milliseconds.
func arrivals() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", l.Addr())
	var mu sync.Mutex
	var at []time.Time
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now := time.Now()
		mu.Lock()
		at = append(at, now)
		mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body) // the call counts also when the body breaks off
	})}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		srv.Close()
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return evenness(at)
}

func evenness(at []time.Time) error {
	if len(at) < 3 {
		return errors.New("too few calls arrived")
	}
	slices.SortFunc(at, time.Time.Compare)
	mean := float64(at[len(at)-1].Sub(at[0])) / float64(len(at)-1)
	var off []float64
	burst, from := 0, 0
	for i := range at {
		for at[i].Sub(at[from]) > 10*time.Millisecond {
			from++
		}
		burst = max(burst, i-from+1)
		if i > 0 {
			off = append(off, math.Abs(float64(at[i].Sub(at[i-1]))-mean))
		}
	}
	slices.Sort(off)
	fmt.Printf("%d %.5f %.4f %d\n", len(at), mean/1e6, off[len(off)*99/100]/1e6, burst)
	return nil
}
