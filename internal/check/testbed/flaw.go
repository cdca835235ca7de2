package testbed

import (
	"net/http"
	"slices"
)

// Flaw is one way in which a real endpoint is wrong: the good receiver with one
// thing changed, and exactly what the suite must say about it.
type Flaw struct {
	Name  string // "forbidden-instead-of-401"
	Story string // how a team gets there
	Break func(*Receiver)

	Auth  string   // the credentials of its run: "" is basic
	HTTPS bool     // its run goes over TLS
	Batch int      // the largest batch of its run, 0 for none
	Load  bool     // its run is the load checks alone
	Probe bool     // its run has the probe at /state/{ccid}
	Only  []string // the checks of its run, nil for all that its kind of flaw asks for
	Timed bool     // it is the time that an answer takes, beside a deadline of one second, of one and a half under load

	Fails []string // the ids of all the checks that fail, whatever their level
}

// Flaws is the table of all flaws. To add one, put a row into its group's file.
func Flaws() []Flaw {
	return slices.Concat(
		authFlaws(), httpFlaws(), tlsFlaws(), tolerantFlaws(), businessFlaws(), robustFlaws(), batchFlaws(), loadFlaws(),
		stateFlaws(),
	)
}

// always answers with a status.
func always(status int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// refuseIf answers with a status where the event is of a kind.
func refuseIf(status int, is func(*Event) bool) func(*Receiver) {
	return func(r *Receiver) {
		r.Admit = func(e *Event) int {
			if is(e) {
				return status
			}
			return 0
		}
	}
}
