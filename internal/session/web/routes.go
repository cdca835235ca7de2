package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"relayctl/internal/session"
)

// route is a call that a server answers.
type route struct {
	pattern string   // of http.ServeMux
	takes   []string // its parameters
	any     bool     // it passes over others
	open    bool     // without a token
	serve   http.HandlerFunc
}

// probes answer that the server runs, whatever parameters a call has.
func (w *Server) probes() []route {
	alive := func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok\n") }
	return []route{{pattern: "GET /livez", any: true, open: true, serve: alive}, {pattern: "GET /readyz", any: true, open: true, serve: alive}}
}

// handler serves routes. It refuses calls without the token, and parameters that a route
// does not take: a misspelt filter must not select everything.
func (w *Server) handler(routes []route) http.Handler {
	mux := http.NewServeMux()
	for _, one := range routes {
		mux.HandleFunc(one.pattern, func(rw http.ResponseWriter, r *http.Request) {
			if !one.open && !w.enter(rw, r) {
				return
			}
			if err := one.parameters(r); err != nil {
				w.fail(rw, r, http.StatusBadRequest, err)
				return
			}
			r.Body = http.MaxBytesReader(rw, r.Body, mostBody)
			one.serve(rw, r)
		})
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		serve, pattern := mux.Handler(r)
		if _, ours := serve.(http.HandlerFunc); pattern != "" && ours {
			mux.ServeHTTP(rw, r)
			return
		}
		refused := refusal{ResponseWriter: rw, status: http.StatusNotFound}
		serve.ServeHTTP(&refused, r)
		err := errNoPage
		if refused.status/100 == 3 { // to the path with a slash more or less: programs do not follow it
			refused.status = http.StatusNotFound
			rw.Header().Del("Location")
		}
		if refused.status == http.StatusMethodNotAllowed {
			err = fmt.Errorf("%s is not possible here, only %s", r.Method, rw.Header().Get("Allow"))
		}
		w.fail(rw, r, refused.status, err)
	})
}

var errNoPage = errors.New("there is no such page or call; relayctl schema api lists the calls")

// refusal takes status and headers of what http.ServeMux answers where no route fits,
// and leaves out its text.
type refusal struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *refusal) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *refusal) Write(p []byte) (int, error) { return len(p), nil }

// parameters returns an error for a parameter that the route does not take.
func (one *route) parameters(r *http.Request) error {
	if one.any {
		return nil
	}
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("the parameters cannot be read: %w", err)
	}
	return session.CheckParameters(given, one.takes)
}
