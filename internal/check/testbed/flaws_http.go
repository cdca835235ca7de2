package testbed

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// httpFlaws are wrong in how they speak HTTP.
func httpFlaws() []Flaw {
	return []Flaw{
		{
			Name: "trailing-slash", Story: "the router sends every call on to the canonical path",
			Break: func(r *Receiver) {
				r.Outer = append(r.Outer, func(http.Handler) http.Handler {
					return http.RedirectHandler("/hook/", http.StatusMovedPermanently)
				})
			},
			Fails: []string{"http.no-redirect"},
		},
		{
			Name: "temporary-redirect", Story: "the load balancer answers 307 to the other region",
			Break: func(r *Receiver) {
				r.Outer = append(r.Outer, func(http.Handler) http.Handler {
					return http.RedirectHandler("/eu/", http.StatusTemporaryRedirect)
				})
			},
			Fails: []string{"http.no-redirect"},
		},
		{
			Name: "redirect-after-post", Story: "post, redirect, get, as for forms",
			Break: func(r *Receiver) {
				r.Answer = func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/thanks", http.StatusSeeOther) }
			},
			Fails: []string{"http.no-redirect"},
		},
		{Name: "created", Story: "a resource was created, says the REST guide", Break: answers(http.StatusCreated), Fails: []string{"http.status-200"}},
		{Name: "accepted-202", Story: "the work goes on in a queue", Break: answers(http.StatusAccepted), Fails: []string{"http.status-200"}},
		{Name: "no-content", Story: "there is nothing to say", Break: answers(http.StatusNoContent), Fails: []string{"http.status-200"}},
		{
			Name: "get-taken", Story: "the route takes any method",
			Break: func(r *Receiver) {
				r.Method = func(w http.ResponseWriter, req *http.Request) {
					clone := req.Clone(req.Context())
					clone.Method = http.MethodPost
					r.webhook(w, clone)
				}
			},
			Fails: []string{"http.post-only"},
		},
		{
			Name: "get-is-internal", Story: "the body of a GET is not there to be read",
			Break: func(r *Receiver) { r.Method = always(http.StatusInternalServerError) },
			Fails: []string{"http.post-only"},
		},
		{
			Name: "health-page", Story: "the load balancer asks the same path whether all is well",
			Break: func(r *Receiver) {
				r.Method = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up")) }
			},
			Fails: []string{"http.post-only"},
		},
		{
			Name: "connection-close", Story: "keep-alive was switched off when a proxy had trouble with it",
			Break: func(r *Receiver) {
				r.Server = func(s *httptest.Server) { s.Config.SetKeepAlivesEnabled(false) }
			},
			Fails: []string{"http.keepalive"},
		},
		{
			Name: "state-of-the-connection", Story: "a parser that lives as long as the connection and is not reset",
			Break: func(r *Receiver) {
				type key struct{}
				r.Server = func(s *httptest.Server) {
					s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
						return context.WithValue(ctx, key{}, new(atomic.Int64))
					}
				}
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if n, _ := req.Context().Value(key{}).(*atomic.Int64); n != nil && n.Add(1) > 1 {
							w.WriteHeader(http.StatusBadRequest)
							return
						}
						next.ServeHTTP(w, req)
					})
				})
			},
			Fails: []string{"http.keepalive"},
		},
		{
			Name: "first-piece", Story: "recv(65536), once",
			Break: func(r *Receiver) {
				r.Read = func(_ http.ResponseWriter, req *http.Request) ([]byte, int) {
					b := make([]byte, maxBody)
					n, _ := req.Body.Read(b)
					return b[:n], 0
				}
			},
			Only: []string{"event.accept", "http"}, Fails: []string{"http.pieces"},
		},
		{
			Name: "letters-cut", Story: "body += chunk", Probe: true,
			Break: func(r *Receiver) {
				Bodies(r)
				r.Read = func(_ http.ResponseWriter, req *http.Request) ([]byte, int) {
					text, b := "", make([]byte, maxBody)
					for {
						n, err := req.Body.Read(b)
						for _, c := range string(b[:n]) {
							text += string(c) // a part of a letter becomes U+FFFD
						}
						if err != nil {
							return []byte(text), 0
						}
					}
				}
			},
			Only: []string{"event.effect", "http"}, Fails: []string{"http.pieces"},
		},
		{
			Name: "wrong-url", Story: "the path of another version",
			Break: func(r *Receiver) { r.Route = func(*http.Request) bool { return false } },
			Fails: []string{"event.accept"},
		},
		{
			Name: "always-500", Story: "the database is not there",
			Break: func(r *Receiver) {
				r.Outer = append(r.Outer, func(http.Handler) http.Handler { return http.HandlerFunc(always(http.StatusInternalServerError)) })
			},
			Fails: []string{"event.accept", "retry.recovers"},
		},
		{
			Name: "bad-gateway", Story: "the proxy finds nobody behind it",
			Break: func(r *Receiver) {
				r.Outer = append(r.Outer, func(http.Handler) http.Handler { return http.HandlerFunc(always(http.StatusBadGateway)) })
			},
			Fails: []string{"event.accept"},
		},
	}
}

func answers(status int) func(*Receiver) {
	return func(r *Receiver) { r.Answer = always(status) }
}

// tlsFlaws are wrong in how they speak TLS.
func tlsFlaws() []Flaw {
	versions := func(from, to uint16) func(*Receiver) {
		return func(r *Receiver) {
			r.Server = func(s *httptest.Server) {
				s.TLS.MinVersion, s.TLS.MaxVersion = from, to
				for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
					s.TLS.CipherSuites = append(s.TLS.CipherSuites, suite.ID)
				}
			}
		}
	}
	certificate := func(c Certificate) func(*Receiver) { return func(r *Receiver) { r.Certificate = c } }
	return []Flaw{
		{Name: "tls-1.0", Story: "a load balancer's policy of ten years ago", HTTPS: true, Break: versions(tls.VersionTLS10, tls.VersionTLS13), Fails: []string{"tls.min-version"}},
		{Name: "tls-1.1", Story: "1.0 was switched off and 1.1 forgotten", HTTPS: true, Break: versions(tls.VersionTLS11, tls.VersionTLS12), Fails: []string{"tls.min-version"}},
		{Name: "tls-1.0-only", Story: "an appliance that knows nothing else", HTTPS: true, Break: versions(tls.VersionTLS10, tls.VersionTLS10), Fails: []string{"tls.min-version", "tls.modern"}},
		{Name: "expired-certificate", Story: "the renewal failed on a weekend", HTTPS: true, Break: certificate(Certificate{Begins: -60 * 24 * time.Hour, Ends: -time.Hour}), Fails: []string{"tls.certificate", "tls.expiry"}},
		{Name: "certificate-of-tomorrow", Story: "a clock that is wrong", HTTPS: true, Break: certificate(Certificate{Begins: 24 * time.Hour}), Fails: []string{"tls.certificate"}},
		{Name: "certificate-of-another-host", Story: "the default host's certificate", HTTPS: true, Break: certificate(Certificate{Host: "www.example.com"}), Fails: []string{"tls.certificate"}},
		{Name: "self-signed", Story: "staging never got a real one", HTTPS: true, Break: certificate(Certificate{Stranger: true}), Fails: []string{"tls.certificate"}},
		{Name: "certificate-ends-soon", Story: "nobody watches its end", HTTPS: true, Break: certificate(Certificate{Begins: -80 * 24 * time.Hour, Ends: 10 * 24 * time.Hour}), Fails: []string{"tls.expiry"}},
	}
}
