package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"relayctl/internal/capture"
	"relayctl/internal/mask"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/localca"
	"relayctl/internal/report"
	"relayctl/internal/suggest"
)

func (a *app) inspectCurl(o *inspectOptions, files *captures) error {
	if o.output != "text" {
		return usageError("--output %s has no effect with --curl", o.output)
	}
	if err := o.verifyTo(); err != nil {
		return err
	}
	found, err := files.pick(a, o.curl)
	if err != nil {
		return err
	}
	rec := found[o.curl]
	if rec.Omitted && rec.Method == "POST" {
		return &exitError{code: exitFellShort, err: fmt.Errorf("request %d was recorded without its body, so it cannot be repeated", o.curl)}
	}
	to := o.to
	if to == "" && rec.App != nil {
		to = rec.App.URL
	}
	if to == "" {
		return &exitError{
			code: exitUsage, err: fmt.Errorf("--curl needs --to URL: a capture does not tell where its requests went"),
			hint: "listen is at https://127.0.0.1:8443 unless told otherwise; a URL without a path gets the request's own",
		}
	}
	u, _ := url.Parse(to) // verifyTo has parsed it, or the app was called there
	command, variables := report.Curl(rec, to, a.localCA(u))
	for _, note := range report.CurlNotes(variables) {
		command = "# " + note + "\n" + command
	}
	_, err = fmt.Fprintln(a.data(), command)
	return environment(err)
}

// verifyTo holds the URL of --to to what can be asked for.
func (o *inspectOptions) verifyTo() error {
	u, err := url.Parse(o.to)
	if err == nil && u.User != nil {
		return usageError("--to: the URL contains credentials; give them to the command that is printed")
	}
	if o.to != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		if near := suggest.URL(o.to); near != "" {
			return usageError("--to: %q is not a URL; did you mean %s?", shownURL(o.to), near)
		}
		return usageError("--to: %q is not a URL such as https://127.0.0.1:8443/relay", shownURL(o.to))
	}
	return nil
}

// localCA is the certificate of the local authority for https to this machine,
// "" for other endpoints and where there is none.
func (a *app) localCA(u *url.URL) string {
	host := u.Hostname()
	if u.Scheme != "https" || host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return ""
	}
	dir, err := configDir(a.env)
	if err != nil {
		return ""
	}
	path := localca.CertFile(dir)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// unknownHost stands in a HAR file for the address at which a request came, which a
// capture does not tell.
const unknownHost = "http://localhost"

// exchange is a recorded request and the answer to it, for a HAR file.
func exchange(rec *capture.Record, receipts []*judge.Receipt, to string) capture.Exchange {
	x := capture.Exchange{
		StartedAt: rec.ReceivedAt, Method: rec.Method, Headers: rec.Headers, Body: rec.Body, Status: rec.Status, Answered: http.Header{},
	}
	var notes []string
	for _, rc := range receipts {
		notes = append(notes, judge.BadgeTexts(rc.Badges)...)
		for _, f := range rc.Findings {
			notes = append(notes, f.String())
		}
	}
	if rec.App != nil {
		x.URL, x.Took, x.Answer, x.Cut = rec.App.URL, rec.App.Latency, rec.App.Body, rec.App.Truncated
		for _, h := range rec.App.Headers {
			x.Answered.Add(h.Name, h.Value)
		}
		if rec.App.Error != "" {
			notes = append(notes, rec.App.Error)
		}
	}
	if to != "" || x.URL == "" {
		x.URL = report.RequestURL(rec, cmp.Or(to, unknownHost))
	}
	x.Comment = strings.Join(notes, "; ")
	return x
}

// harFile is the file of --har while it is written; nil where none was asked for.
type harFile struct {
	*reportFile
	to     string
	masked *mask.Writer
	buf    *bufio.Writer
	har    *capture.HAR
}

func (a *app) openHAR(o *inspectOptions) (*harFile, error) {
	if o.har == "" {
		return nil, nil
	}
	if err := o.verifyTo(); err != nil {
		return nil, err
	}
	f := &harFile{reportFile: &reportFile{path: o.har, private: true}, to: o.to}
	if err := f.open(a.interrupt); err != nil {
		return nil, environment(fmt.Errorf("--har: %w", err))
	}
	f.masked = a.secrets.Writer(f.out)
	f.buf = bufio.NewWriterSize(f.masked, 64<<10)
	f.har = capture.NewHAR(f.buf, thisBuild().Version)
	return f, nil
}

func (f *harFile) add(rec *capture.Record, selected []*judge.Receipt) {
	if f != nil && len(selected) > 0 {
		f.har.Add(exchange(rec, selected, f.to))
	}
}

// write puts the file in its place.
func (f *harFile) write() error {
	if f == nil {
		return nil
	}
	err := errors.Join(f.har.Close(), f.buf.Flush(), f.masked.Flush())
	if err == nil {
		err = f.put()
	}
	if err != nil {
		return environment(fmt.Errorf("--har: %w", err))
	}
	return nil
}

// discard removes the file, unless it was put in its place.
func (f *harFile) discard() {
	if f != nil {
		f.reportFile.discard()
	}
}
