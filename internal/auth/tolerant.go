package auth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"relayctl/internal/input"
)

// maxAnswer bounds a token endpoint's answer.
const maxAnswer = 1 << 20

// tolerant passes on a token endpoint's answers in the form that the oauth2
// library reads. Some endpoints write a byte order mark before the JSON, or a
// lifetime that is not a whole number of 32 bits; their tokens are as good.
type tolerant struct {
	base http.RoundTripper // nil is the default one
}

func (t *tolerant) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := cmp.Or[http.RoundTripper](t.base, http.DefaultTransport).RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, _, err := input.AtMost(resp.Body, maxAnswer)
	_ = resp.Body.Close() // it was read as far as it is of use
	if err != nil {
		return nil, err
	}
	body = plainAnswer(body)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// plainAnswer leaves what it does not understand as it is.
func plainAnswer(body []byte) []byte {
	body = bytes.TrimPrefix(body, []byte("\uFEFF"))
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields["expires_in"] == nil {
		return body
	}
	if seconds, ok := lifetime(fields["expires_in"]); ok {
		fields["expires_in"] = strconv.AppendInt(nil, seconds, 10)
	} else {
		delete(fields, "expires_in") // how long it lives is not known
	}
	plain, err := json.Marshal(fields)
	if err != nil {
		return body
	}
	return plain
}

// lifetime reads a number of seconds, which may stand in quotes.
func lifetime(raw json.RawMessage) (seconds int64, ok bool) {
	text := strings.Trim(string(raw), `" `)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, false
	}
	return int64(min(max(f, math.MinInt32), math.MaxInt32)), true
}
