// Package report shows the same facts as text, NDJSON, JSON, JUnit and HTML.
//
// Its files are named for the commands: send.go is the text of relayctl send,
// send_end.go is how it ends, send_json.go, send_junit.go and send_html.go are its
// reports, and so on. A renderer takes facts as they come (an attempt, a receipt, an
// outcome) and ends with Finish, which takes the summary. Renderers decide nothing: the
// exit code comes from the same data, in cmd/relayctl.
//
// An error of this package says that its writer failed, unless a function says otherwise.
// A renderer keeps the first one, goes on, and returns it from Finish.
//
// What they share stands in rooms of its own: term for text on a terminal, page
// for HTML, junit for JUnit; ndjson.go has what all NDJSON outputs share.
package report
