package testbed

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// authFlaws are wrong in how they tell Relay from others.
func authFlaws() []Flaw {
	return []Flaw{
		{
			Name: "no-authentication", Story: "the check was left out of this route",
			Break: func(r *Receiver) { r.Authentic = func(*http.Request) bool { return true } },
			Fails: []string{"auth.missing", "auth.wrong", "auth.malformed"},
		},
		{
			Name: "forbidden", Story: "the framework says 403 for any refusal",
			Break: func(r *Receiver) { r.Refuse = always(http.StatusForbidden) },
			Fails: []string{"auth.missing", "auth.wrong", "auth.malformed"},
		},
		{
			Name: "login-page", Story: "the session middleware sends strangers to the login page",
			Break: func(r *Receiver) {
				r.Refuse = func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/login", http.StatusFound) }
			},
			Fails: []string{"auth.missing", "auth.wrong", "auth.malformed"},
		},
		{
			Name: "hidden-route", Story: "who is not authenticated must not learn that the route exists",
			Break: func(r *Receiver) { r.Refuse = always(http.StatusNotFound) },
			Fails: []string{"auth.missing", "auth.wrong", "auth.malformed"},
		},
		{
			Name: "bad-request-for-missing", Story: "a header schema is validated before the guard runs",
			Break: func(r *Receiver) {
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					if req.Header.Get("Authorization") == "" {
						w.WriteHeader(http.StatusBadRequest)
						return
					}
					r.refuse(w, req)
				}
			},
			Fails: []string{"auth.missing"},
		},
		{
			Name: "missing-is-internal", Story: "req.Header.Get(…).split(…) of nothing",
			Break: func(r *Receiver) {
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					if req.Header.Get("Authorization") == "" {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					r.refuse(w, req)
				}
			},
			Fails: []string{"auth.missing"},
		},
		{
			Name: "no-challenge", Story: "res.sendStatus(401)",
			Break: func(r *Receiver) { r.Refuse = always(http.StatusUnauthorized) },
			Fails: []string{"auth.challenge"},
		},
		{
			Name: "case-sensitive-scheme", Story: "header.startsWith('Basic ')",
			Break: onlyScheme("Basic "),
			Fails: []string{"auth.scheme-case"},
		},
		{
			Name: "case-sensitive-scheme-403", Story: "a gateway before the app knows Basic only, and forbids the rest",
			Break: func(r *Receiver) {
				onlyScheme("Basic ")(r)
				refuse := r.Refuse
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					if r.authentic(req) {
						w.WriteHeader(http.StatusForbidden)
						return
					}
					refuse(w, req)
				}
			},
			Fails: []string{"auth.scheme-case"},
		},
		{
			Name: "lower-case-scheme-only", Story: "the comparison was mended for Relay's sample alone",
			Break: onlyScheme("basic "),
			Fails: []string{"auth.scheme-case"},
		},
		{
			Name: "whole-header-compared", Story: "the header is compared with a configured text",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool {
					return r.authentic(req) && !strings.HasPrefix(req.Header.Get("Authorization"), "BASIC")
				}
			},
			Fails: []string{"auth.scheme-case"},
		},
		{
			Name: "any-scheme", Story: "header.split(' ')[1]",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool { return BasicPair(req) == r.Creds.User+":"+r.Creds.Password }
			},
			Fails: []string{"auth.malformed"},
		},
		{
			Name: "presence-only", Story: "if (req.headers.authorization)",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool { return req.Header.Get("Authorization") != "" }
			},
			Fails: []string{"auth.wrong", "auth.malformed"},
		},
		{
			Name: "prefix-compare", Story: "strncmp with the length of the expected password",
			Break: comparePassword(func(got, want string) bool { return strings.HasPrefix(got, want) }),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "shorter-compare", Story: "strncmp with the length of what was sent",
			Break: comparePassword(func(got, want string) bool { return got != "" && strings.HasPrefix(want, got) }),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "empty-password", Story: "an unset variable in one environment: password == ''",
			Break: comparePassword(func(got, want string) bool { return got == "" || got == want }),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "caseless-password", Story: "a database's collation compares it",
			Break: comparePassword(strings.EqualFold),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "user-only", Story: "the password is looked up and never compared",
			Break: comparePassword(func(string, string) bool { return true }),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "spaces-trimmed", Story: "trim() on what was decoded, for pasted secrets",
			Break: comparePassword(func(got, want string) bool { return strings.TrimSpace(got) == want }),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "split-at-every-colon", Story: "const [user, password] = pair.split(':')",
			Break: comparePassword(func(got, want string) bool {
				first, _, _ := strings.Cut(got, ":")
				return first == want
			}),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "no-user-needed", Story: "an empty user name means the default one",
			Break: comparePair(func(user, password string, c *Credentials) bool {
				return (user == "" || same(user, c.User)) && same(password, c.Password)
			}),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "caseless-user", Story: "user names are e-mail addresses elsewhere",
			Break: comparePair(func(user, password string, c *Credentials) bool {
				return strings.EqualFold(user, c.User) && same(password, c.Password)
			}),
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "caseless-base64", Story: "the whole header is compared without regard to case, for the sake of the scheme",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool {
					want := "basic " + base64.StdEncoding.EncodeToString([]byte(r.Creds.User+":"+r.Creds.Password))
					return strings.EqualFold(req.Header.Get("Authorization"), want)
				}
			},
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "ascii-only-compare", Story: "compare_digest of texts raises for letters beyond ASCII",
			Break: func(r *Receiver) {
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					if strings.ContainsFunc(BasicPair(req), func(c rune) bool { return c > 127 }) {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					r.refuse(w, req)
				}
			},
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "user-without-password", Story: "what has no colon is a user name",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool { return r.authentic(req) || BasicPair(req) == r.Creds.User }
			},
			Fails: []string{"auth.malformed"},
		},
		{
			Name: "any-of-the-headers", Story: "any(header is right for header in headers)",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool {
					return slices.ContainsFunc(req.Header.Values("Authorization"), func(value string) bool {
						one := req.Clone(req.Context())
						one.Header.Set("Authorization", value)
						return r.authentic(one)
					})
				}
			},
			Fails: []string{"auth.malformed"},
		},
		{
			Name: "refusal-leaves-the-body", Story: "401 before the body is read, which the next request then begins with",
			Break: func(r *Receiver) {
				// What a raw server does, told by the connection: the request after a refusal is broken.
				var spoilt sync.Map
				refuse := r.Refuse
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					spoilt.Store(req.RemoteAddr, true)
					refuse(w, req)
				}
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if _, broken := spoilt.LoadAndDelete(req.RemoteAddr); broken {
							w.WriteHeader(http.StatusBadRequest)
							return
						}
						next.ServeHTTP(w, req)
					})
				})
			},
			Only:  []string{"event.accept", "auth"}, // whichever call comes next on the connection is refused as well
			Fails: []string{"auth.missing"},
		},
		{
			Name: "connection-is-known", Story: "the first call of a connection proves who is at its other end",
			Break: func(r *Receiver) {
				var known sync.Map
				r.Authentic = func(req *http.Request) bool {
					if _, ok := known.Load(req.RemoteAddr); ok && req.Header.Get("Authorization") == "" {
						return true
					}
					ok := r.authentic(req)
					if ok {
						known.Store(req.RemoteAddr, true)
					}
					return ok
				}
			},
			Fails: []string{"auth.missing"},
		},
		{
			Name: "password-only", Story: "the user name is ignored",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool {
					_, password, ok := req.BasicAuth()
					return ok && same(password, r.Creds.Password)
				}
			},
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "malformed-is-internal", Story: "the decoder's exception is not caught",
			Break: func(r *Receiver) {
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					if req.Header.Get("Authorization") != "" && BasicPair(req) == "" {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					r.refuse(w, req)
				}
			},
			Fails: []string{"auth.malformed"},
		},
		{
			Name: "parse-before-auth", Story: "the JSON middleware stands before the guard",
			Break: func(r *Receiver) {
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						body, _ := io.ReadAll(req.Body)
						req.Body = io.NopCloser(strings.NewReader(string(body)))
						if req.Method == http.MethodPost && !json.Valid(body) {
							w.WriteHeader(http.StatusBadRequest)
							return
						}
						next.ServeHTTP(w, req)
					})
				})
			},
			Fails: []string{"auth.before-parse"},
		},
		{
			Name: "key-in-another-header", Story: "X-Api-Key, as everywhere else in the house", Auth: "api-key",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool { return same(req.Header.Get("X-Api-Key"), r.Creds.Key) }
			},
			Fails: []string{"auth.valid"},
		},
		{
			Name: "any-key", Story: "the key only has to be there", Auth: "api-key",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool { return req.Header.Get("ApiKey") != "" }
			},
			Fails: []string{"auth.wrong", "auth.malformed"},
		},
		{
			Name: "key-prefix", Story: "keys are looked up by their first characters", Auth: "api-key",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool { return strings.HasPrefix(req.Header.Get("ApiKey"), r.Creds.Key[:8]) }
			},
			Fails: []string{"auth.wrong"},
		},
		{
			Name: "key-forbidden", Story: "403 for any refusal", Auth: "api-key",
			Break: func(r *Receiver) { r.Refuse = always(http.StatusForbidden) },
			Fails: []string{"auth.missing", "auth.wrong", "auth.malformed"},
		},
		{
			Name: "any-token", Story: "the token is there, so the gateway must have looked at it", Auth: "oauth",
			Break: func(r *Receiver) { r.Authentic = func(req *http.Request) bool { return BearerToken(req) != "" } },
			Fails: []string{"auth.wrong", "auth.malformed", "auth.oauth-expired"},
		},
		{
			Name: "token-decoded-not-verified", Story: "jwt.decode instead of jwt.verify", Auth: "oauth",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool { return strings.HasPrefix(BearerToken(req), "Tk.") }
			},
			Fails: []string{"auth.wrong", "auth.oauth-expired"},
		},
		{
			Name: "expired-token-taken", Story: "the end of the token is not looked at", Auth: "oauth",
			Break: func(r *Receiver) { r.Creds.TokensNeverExpire = true },
			Fails: []string{"auth.oauth-expired"},
		},
		{
			Name: "expired-token-forbidden", Story: "an expired token is another error class: 403", Auth: "oauth",
			Break: func(r *Receiver) {
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					if _, known := r.TokenEnds(BearerToken(req)); known {
						w.WriteHeader(http.StatusForbidden)
						return
					}
					r.refuse(w, req)
				}
			},
			Fails: []string{"auth.oauth-expired"},
		},
		{
			Name: "token-serves-once", Story: "the token's jti is kept, as that of a nonce", Auth: "oauth", Only: []string{"auth.oauth-token"},
			Break: func(r *Receiver) {
				authentic := r.Authentic
				r.Authentic = func(req *http.Request) bool { return authentic(req) && r.State.Claim("token "+BearerToken(req)) }
			},
			Fails: []string{"auth.oauth-token"},
		},
		{
			Name: "own-tokens-refused", Story: "the audience of the tokens is not this service's", Auth: "oauth",
			Break: func(r *Receiver) { r.Authentic = func(*http.Request) bool { return false } },
			Fails: []string{"auth.valid", "auth.oauth-token"},
		},
		{
			Name: "case-sensitive-bearer", Story: "header.startsWith('Bearer ')", Auth: "oauth",
			Break: func(r *Receiver) {
				r.Authentic = func(req *http.Request) bool {
					token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
					end, known := r.TokenEnds(token)
					return ok && known && time.Now().Before(end)
				}
			},
			Fails: []string{"auth.scheme-case"},
		},
		{
			Name: "refuses-everyone", Story: "the secret of another environment",
			Break: func(r *Receiver) { r.Authentic = func(*http.Request) bool { return false } },
			Fails: []string{"auth.valid"},
		},
	}
}

func onlyScheme(prefix string) func(*Receiver) {
	return func(r *Receiver) {
		r.Authentic = func(req *http.Request) bool {
			return strings.HasPrefix(req.Header.Get("Authorization"), prefix) && r.authentic(req)
		}
	}
}

func comparePair(right func(user, password string, c *Credentials) bool) func(*Receiver) {
	return func(r *Receiver) {
		r.Authentic = func(req *http.Request) bool {
			user, password, ok := req.BasicAuth()
			return ok && right(user, password, &r.Creds)
		}
	}
}

func comparePassword(equal func(got, want string) bool) func(*Receiver) {
	return func(r *Receiver) {
		r.Authentic = func(req *http.Request) bool {
			user, password, ok := req.BasicAuth()
			return ok && same(user, r.Creds.User) && equal(password, r.Creds.Password)
		}
	}
}
