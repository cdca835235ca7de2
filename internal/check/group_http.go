package check

import (
	"context"
	"net/http"
)

// httpChecks is the group "http".
func httpChecks() []Check {
	return []Check{{
		ID: "http.status-200", Level: Should, Clause: "R-2XX", Title: "accepted is said with 200",
		Why:     "only 200 is documented as accepted; another 2xx may come to be retried, or counted as refused",
		How:     "delivers a valid event and looks at the status",
		Fix:     "answer 200, not 201, 202 or 204, to an event that was taken",
		Despite: []Trouble{Refused},
		Run: func(ctx context.Context, t *Trial) Result {
			x := t.Deliver(ctx, t.Event("message.delivered"))
			switch {
			case !x.Accepted():
				return Unclear("the event was not accepted: " + x.Describe())
			case x.Answer.Status != http.StatusOK:
				return Failed("status 200", x.Describe(), t.Curl(x.Call))
			}
			return Passed()
		},
	}}
}
