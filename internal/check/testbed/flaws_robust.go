package testbed

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"time"
)

// robustFlaws are hurt by what no well-meaning sender sends, or tell too much.
func robustFlaws() []Flaw {
	return append(leakFlaws(),
		Flaw{
			Name: "malformed-500", Story: "the parser's exception is not caught",
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					if status != 0 {
						return nil, http.StatusInternalServerError
					}
					return events, 0
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "malformed-cuts", Story: "the handler panics and the server hangs up",
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					if status != 0 {
						panic(http.ErrAbortHandler)
					}
					return events, 0
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "empty-500", Story: "body[0] of nothing",
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					if len(body) == 0 {
						return nil, http.StatusInternalServerError
					}
					return parse(body)
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "malformed-hangs", Story: "the callback of a broken body is never called", Timed: true,
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					if status != 0 {
						time.Sleep(hang)
					}
					return events, status
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "dies-of-malformed", Story: "the exception ends the process, and nobody starts it again",
			Break: func(r *Receiver) {
				var dead atomic.Bool
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if dead.Load() {
							panic(http.ErrAbortHandler)
						}
						next.ServeHTTP(w, req)
					})
				})
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					if status != 0 {
						dead.Store(true)
						panic(http.ErrAbortHandler)
					}
					return events, status
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "spoilt-by-malformed", Story: "the shared parser is left half-way, and trips over the next body",
			Break: func(r *Receiver) {
				var spoilt atomic.Bool
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					if was := spoilt.Swap(status != 0); was && status == 0 {
						return nil, http.StatusBadRequest
					}
					return events, status
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "deep-crashes", Story: "a parser that recurses, with a small stack",
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					if bytes.Contains(body, []byte("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")) {
						panic(http.ErrAbortHandler)
					}
					return parse(body)
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "supervised-crash", Story: "a walk through the event after the answer overflows the stack, and the supervisor starts the process again",
			Break: func(r *Receiver) {
				var server *httptest.Server
				r.Server = func(s *httptest.Server) { server = s }
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						body, _ := io.ReadAll(req.Body)
						req.Body = io.NopCloser(bytes.NewReader(body))
						next.ServeHTTP(w, req)
						if bytes.Contains(body, bytes.Repeat([]byte("["), 5000)) {
							time.AfterFunc(5*time.Millisecond, server.CloseClientConnections)
						}
					})
				})
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "worker-ends", Story: "an exception ends the loop that takes events from the queue; the endpoint goes on answering 200", Probe: true,
			Break: func(r *Receiver) {
				var ended atomic.Bool
				parse := r.Parse
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					if status != 0 {
						ended.Store(true)
					}
					return events, 0
				}
				r.Store = func(_ *http.Request, events []Event) int {
					if !ended.Load() {
						r.State.Commit(events, r.Key)
					}
					return 0
				}
			},
			Only: []string{"event.effect", "robust"}, Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "large-500", Story: "request entity too large is an exception like any other",
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					if len(body) > 64<<10 {
						return nil, http.StatusInternalServerError
					}
					return parse(body)
				}
			},
			Fails: []string{"robust.malformed"},
		},
		Flaw{
			Name: "one-at-a-time", Story: "a single-threaded server reads one request after the other", Timed: true,
			Break: func(r *Receiver) {
				var one lock
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						one.Lock()
						defer one.Unlock()
						next.ServeHTTP(w, req)
					})
				})
			},
			Fails: []string{"robust.slow-client"},
		},
	)
}

// hang is longer than the deadline of a run of which the time is the point.
const hang = 1500 * time.Millisecond

// untold marks a request whose event lacks what the handler reads.
const untold = contextKey("untold")

type contextKey string

func leakFlaws() []Flaw {
	leak := func(name, story string, fails []string, text func(req *http.Request, body []byte) string) Flaw {
		return Flaw{Name: name, Story: story, Fails: append(fails, "security.no-leak"), Break: func(r *Receiver) {
			r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					body, _ := io.ReadAll(req.Body)
					clone := req.Clone(req.Context())
					clone.Body = io.NopCloser(bytes.NewReader(body))
					rec := httptest.NewRecorder()
					next.ServeHTTP(rec, clone)
					for k, v := range rec.Header() {
						w.Header()[k] = v
					}
					w.WriteHeader(rec.Code)
					if rec.Code >= 300 {
						fmt.Fprint(w, text(req, body))
					}
				})
			})
		}}
	}
	plain := func(name, story, text string) Flaw {
		return leak(name, story, nil, func(*http.Request, []byte) string { return text })
	}
	return []Flaw{
		leak("echoes-request", "a debugging page shows the whole request", nil, func(req *http.Request, body []byte) string {
			dump, _ := httputil.DumpRequest(req, false)
			return string(dump) + string(body)
		}),
		leak("echoes-body", "the error repeats what could not be read", nil, func(_ *http.Request, body []byte) string {
			return "cannot read " + string(body)
		}),
		leak("echoes-password", "invalid credentials relay:…", nil, func(req *http.Request, _ []byte) string {
			_, pass, _ := req.BasicAuth()
			return "invalid password " + pass
		}),
		leak("echoes-header", "invalid header …", nil, func(req *http.Request, _ []byte) string {
			return "invalid Authorization: " + base64.StdEncoding.EncodeToString([]byte(BasicPair(req)))
		}),
		plain("trace-node", "NODE_ENV is not production", "SyntaxError: Unexpected end of JSON input\n    at JSON.parse (<anonymous>)\n    at parse (/srv/app/node_modules/body-parser/lib/types/json.js:92:19)\n"),
		plain("trace-python", "DEBUG = True", "Traceback (most recent call last):\n  File \"/srv/app/hook.py\", line 12, in post\n    event = json.loads(body)\n"),
		plain("trace-java", "the container's error page", "java.lang.NullPointerException: null\n\tat com.example.hook.EventController.post(EventController.java:42)\n"),
		plain("trace-go", "the recovery middleware prints it", "goroutine 34 [running]:\nmain.handle(0xc0000b4000)\n\t/src/app/main.go:42 +0x1d\n"),
		plain("trace-php", "display_errors = On", "PHP Fatal error:  Uncaught TypeError in /var/www/html/hook.php:12\nStack trace:\n#0 /var/www/html/index.php(8): hook()\n#1 {main}"),
		plain("trace-php-html", "display_errors and html_errors = On", "<br />\n<b>Warning</b>:  Undefined array key \"event_id\" in <b>/var/www/html/hook.php</b> on line <b>12</b><br />"),
		{
			Name: "trace-of-the-unusual", Story: "display_errors = On, and a property that is not always there",
			Break: func(r *Receiver) {
				r.Store = func(req *http.Request, events []Event) int {
					r.State.Commit(events, r.Key)
					for i := range events {
						if _, ok := events[i].Payload["trigger_id"]; !ok && strings.HasPrefix(events[i].Name, "message.") {
							*req = *req.WithContext(context.WithValue(req.Context(), untold, true))
						}
					}
					return 0
				}
				r.Answer = func(w http.ResponseWriter, req *http.Request) {
					if req.Context().Value(untold) != nil {
						fmt.Fprint(w, "\nWarning: Undefined array key \"trigger_id\" in /var/www/html/hook.php on line 31\n")
					}
				}
			},
			Fails: []string{"security.no-leak"},
		},
		plain("trace-ruby", "the development environment", "NoMethodError (undefined method `[]' for nil:NilClass):\n\napp/controllers/hooks_controller.rb:12:in `create'\n"),
		plain("trace-dotnet", "UseDeveloperExceptionPage", "System.NullReferenceException: Object reference not set to an instance of an object.\n   at Hook.Controllers.EventController.Post(Event e) in C:\\src\\Hook\\EventController.cs:line 42\n"),
	}
}
