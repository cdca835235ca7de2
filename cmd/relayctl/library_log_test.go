package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// What net/http logs of a token endpoint that talks unasked does not reach the
// terminal.
func TestALibrarysLogIsNotShown(t *testing.T) {
	const token = `{"access_token":"t","token_type":"bearer","expires_in":3600}`
	used, ended := make(chan struct{}), make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				br := bufio.NewReader(conn)
				req, err := http.ReadRequest(br)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(token))+"\r\n\r\n"+token)
				<-used // by then the answer was read, and the connection is idle
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				_, _ = br.ReadByte() // until it was read and the connection closed
				ended <- struct{}{}
			}()
		}
	}()
	to := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		used <- struct{}{}
		<-ended
	}))
	defer to.Close()
	cmd := exec.Command("relayctl", "send", "message.delivered", "--to", to.URL, "--auth", "oauth", "--client-id", "c", "--client-secret", "s3cret",
		"--token-url", "http://"+l.Addr().String()+"/token")
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	if err := cmd.Run(); err != nil || strings.Contains(stderr.String(), "nsolicited") {
		t.Errorf("%v: %s", err, stderr)
	}
}
