// Command baseline is what listen is measured against: net/http with a handler
// that drains the body and answers 200, and nothing else.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
	fmt.Printf("http://%s/\n", l.Addr())
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the answer is the same when the body breaks off
		w.WriteHeader(http.StatusOK)
	})
	fmt.Fprintln(os.Stderr, "baseline:", http.Serve(l, handler))
	os.Exit(1)
}
