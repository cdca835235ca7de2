// Package web is the inspector: the pages of a session in a browser, the API behind
// them for tests and scripts, the live stream and the metrics. It is a server of its
// own with its own address, never the webhook's.
//
// Begin with Server and its table of routes, which routes.go serves. guard.go says who
// may call, answer.go writes answers and errors, api.go and json.go are the API, pages.go
// and timeline.go the fragments of the pages, live.go what is told as it happens,
// openapi.go the API's description. templates and static hold what the browser gets; the
// script there only fetches fragments and puts them in place.
//
// The package knows nothing of receivers and files: it shows a session.Session.
package web

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"relayctl/internal/mask"
	"relayctl/internal/report/prom"
	"relayctl/internal/session"
)

// DefaultAddr is where the inspector listens unless told otherwise.
const DefaultAddr = "127.0.0.1:8444"

// The bounds of what callers may take.
const (
	mostConns   = 256
	mostBody    = 2 << 20 // of a replay or of rules
	writeTime   = 30 * time.Second
	mostHeaders = 32 << 10
)

// Config says how the inspector is reached. The zero value of a field is the default
// that is named with it.
type Config struct {
	Addr  string // DefaultAddr; port 0 picks a free one
	Token string // who may call; a random one
	Mask  *mask.Mask
	// Title is what is looked at: the receiver's URL, or the capture.
	Title func() string
}

// ErrOpen says that other machines reach the address, so that the user has to set a token.
var ErrOpen = errors.New("an address that other machines reach needs --ui-token")

// Server is the inspector of a session.
type Server struct {
	cfg     Config
	session *session.Session
	pages   *template.Template
	boot    string // tells this run from others in Last-Event-ID
	listen  net.Listener
	server  *http.Server
	conns   sync.WaitGroup
	ctx     context.Context // ends what waits
	cancel  context.CancelFunc

	mu      sync.Mutex
	invited string // opens the page once, "" for nobody; guarded by mu
}

//go:embed templates static
var files embed.FS

// New binds the address, so that a port in use is an error here and nothing is
// announced before it is true. The caller has to Serve or Close it.
func New(s *session.Session, cfg Config) (*Server, error) {
	if cfg.Addr == "" {
		cfg.Addr = DefaultAddr
	}
	if cfg.Token == "" {
		if !loopback(cfg.Addr) {
			return nil, ErrOpen
		}
		cfg.Token = random(24)
	}
	pages, err := template.New("").Funcs(pageFuncs(s)).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	w := &Server{cfg: cfg, session: s, pages: pages, boot: random(6)}
	if err := w.bind(); err != nil {
		return nil, fmt.Errorf("the inspector %w", err)
	}
	w.server.Handler = w.callers(w.handler(w.routes()))
	return w, nil
}

// NewMetrics binds a server that serves nothing but the metrics, without a token. The
// caller has to Serve or Close it.
func NewMetrics(addr string, of prom.Source) (*Server, error) {
	w := &Server{cfg: Config{Addr: addr}}
	if err := w.bind(); err != nil {
		return nil, err
	}
	w.server.Handler = w.callers(w.handler(append(w.probes(), route{pattern: "GET /metrics", open: true, serve: prom.Handler(of).ServeHTTP})))
	return w, nil
}

// bind takes the address, and sets what bounds callers.
func (w *Server) bind() (err error) {
	if w.listen, err = net.Listen("tcp", w.cfg.Addr); err != nil {
		return fmt.Errorf("cannot listen on %s: %w", w.cfg.Addr, err)
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: mostHeaders, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return w.ctx },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				w.conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				w.conns.Done()
			}
		},
	}
	return nil
}

func random(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// loopback says whether only this machine reaches an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// URL is where a browser finds the inspector.
func (w *Server) URL() string {
	host, port, err := net.SplitHostPort(w.listen.Addr().String())
	if err != nil {
		host, port = "localhost", "" // cannot be: it is a TCP listener
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Token is the secret that a call has to carry; in the URL it is the parameter token.
func (w *Server) Token() string { return w.cfg.Token }

// Port is the one that it listens on.
func (w *Server) port() string {
	_, port, _ := net.SplitHostPort(w.listen.Addr().String()) // it is a TCP listener
	return port
}

// Serve answers until ctx is done, and waits for the answers under way. It returns nil
// after that, or the error of the server. Call it once.
func (w *Server) Serve(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = w.Close() })()
	err := w.server.Serve(netutil.LimitListener(w.listen, mostConns))
	w.conns.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends the server at once.
func (w *Server) Close() error {
	w.cancel()
	return errors.Join(w.server.Close(), ignoreClosed(w.listen.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// routes is the table of all that the inspector serves.
func (w *Server) routes() []route {
	return append(w.probes(), []route{
		{pattern: "GET /{$}", any: true, serve: w.page},                         // with the filters of the list, for the script
		{pattern: "GET /static/{file}", any: true, open: true, serve: w.static}, // for the page that asks for a token too
		{pattern: "GET /ui/rows", takes: session.FilterNames("before", "limit"), serve: w.rows},
		{pattern: "GET /ui/requests/{number}", serve: w.detail},
		{pattern: "GET /ui/requests/{number}/edit", serve: w.editForm},
		{pattern: "GET /ui/journeys/{customer...}", serve: w.journeyPage},
		{pattern: "GET /ui/diff", takes: []string{"a", "b"}, serve: w.diffPage},
		{pattern: "GET /ui/rules", serve: w.rulesForm},
		{pattern: "GET /ui/live", takes: []string{"last"}, serve: w.live},

		{pattern: "GET /api/requests", takes: session.FilterNames("before", "limit"), serve: w.apiList},
		{pattern: "DELETE /api/requests", serve: w.apiClear},
		{pattern: "GET /api/requests/{number}", serve: w.apiGet},
		{pattern: "POST /api/requests/{number}/replay", serve: w.apiReplay},
		{pattern: "GET /api/wait", takes: session.FilterNames("count", "timeout"), serve: w.apiWait},
		{pattern: "GET /api/journeys", serve: w.apiNoJourney},
		{pattern: "GET /api/journeys/{customer...}", serve: w.apiJourney},
		{pattern: "GET /api/rules", serve: w.apiRules},
		{pattern: "PUT /api/rules", serve: w.apiSetRules},
		{pattern: "GET /api/stream", takes: session.FilterNames("last"), serve: w.apiStream},
		{pattern: "GET /metrics", serve: w.metrics},
	}...)
}

// metrics are the counts of the receiver, or of the whole capture.
func (w *Server) metrics(rw http.ResponseWriter, r *http.Request) {
	sum, err := w.session.Summary()
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	st := w.session.Stats()
	live := prom.Live{Kept: st.Kept, Bytes: st.Bytes, Dropped: st.Dropped, AppUp: st.Health.Up, HasApp: st.Health.Known}
	prom.Handler(prom.Received(sum, live)).ServeHTTP(rw, r)
}

// static serves an embedded file.
func (w *Server) static(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	data, err := files.ReadFile("static/" + name)
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	kind := types[name[max(0, strings.LastIndexByte(name, '.')):]]
	if err != nil || kind == "" {
		w.fail(rw, r, http.StatusNotFound, errNoPage)
		return
	}
	w.reply(rw, http.StatusOK, kind, data)
}
