package recv

import (
	"relayctl/internal/capture"
	"relayctl/internal/duration"
	"relayctl/internal/recv/judge"
)

// store appends the request to the capture, if there is one. The user is told of the first
// failure, and when writing works again.
func (x *exchange) store() error {
	if x.r.cfg.Capture == nil {
		return nil
	}
	if err := x.r.cfg.Capture.Append(x.toRecord()); err != nil {
		if x.r.storing.Fail() {
			x.r.notice("the capture cannot be written, so requests are answered 500: %v", err)
		}
		return err
	}
	if outage, failed := x.r.storing.Work(); failed > 0 {
		x.r.notice("the capture can be written again after %s; requests not stored meanwhile: %d", duration.Text(outage), failed)
	}
	return nil
}

// toRecord is the request as a line of the capture.
func (x *exchange) toRecord() *capture.Record {
	if x.record != nil {
		return x.record
	}
	redact := capture.Redactor{Names: x.r.cfg.Sensitive}
	rec := &capture.Record{
		ReceivedAt: x.at, Remote: x.remote, Method: x.req.Method, Path: redact.Target(x.req.RequestURI),
		Headers: capture.Headers(x.req.Header, x.r.cfg.Sensitive...), Omitted: x.omitted, Status: x.status,
	}
	if !x.omitted {
		rec.Body = x.body.buf
	}
	if x.app != nil {
		rec.App = x.app.Record
	}
	for i, rc := range x.Receipts {
		badges := judge.BadgeTexts(rc.Badges)
		if i == 0 {
			rec.EventID, rec.EventName, rec.EventTS = rc.Event.ID, rc.Event.Name, rc.Event.TSText
			rec.Attempt, rec.Badges = rc.Attempt, badges
		}
		if rc.Members == 0 {
			rec.Findings = rc.Findings
			continue
		}
		for _, f := range rc.Findings {
			f.Path = memberPath(rc, f.Path)
			rec.Findings = append(rec.Findings, f)
		}
		rec.Members = append(rec.Members, capture.Member{EventID: rc.Event.ID, EventName: rc.Event.Name, Attempt: rc.Attempt, Badges: badges})
	}
	x.record = rec
	return rec
}
