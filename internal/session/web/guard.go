package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// callers lets in only calls to an address of this server. So no foreign page reaches it
// by a name of its own (DNS rebinding), and no page of another origin, whatever the
// method. It also sets the headers that browsers have to know.
func (w *Server) callers(next http.Handler) http.Handler {
	given, _, _ := net.SplitHostPort(w.cfg.Addr) // it was listened on
	bound, _, _ := net.SplitHostPort(w.listen.Addr().String())
	anywhere := net.ParseIP(bound) != nil && net.ParseIP(bound).IsUnspecified()
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		secure(rw.Header())
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(strings.ToLower(host), "[]")
		ip := net.ParseIP(host)
		mine := host == "localhost" || host == strings.ToLower(given) && host != "" || host == bound || ip != nil && (ip.IsLoopback() || anywhere)
		switch {
		case !mine:
			w.fail(rw, r, http.StatusForbidden, errors.New("this name is not one of the inspector's: call it by its address or localhost"))
		case foreign(r), protection.Check(r) != nil:
			w.fail(rw, r, http.StatusForbidden, errors.New("requests of other sites are refused"))
		default:
			next.ServeHTTP(rw, r)
		}
	})
}

// isEntry says whether a request is for the page.
func isEntry(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Path == "/" }

// foreign says whether a page of another origin calls; a link to the inspector's page is
// not foreign. A browser that is told to keep its origin to itself says null.
func foreign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	switch site {
	case "", "none", "same-origin":
	default:
		return !isEntry(r) || r.Header.Get("Sec-Fetch-Mode") != "navigate"
	}
	return slices.ContainsFunc(r.Header.Values("Origin"), func(origin string) bool {
		u, err := url.Parse(origin)
		return (err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)) && (origin != "null" || site != "same-origin")
	})
}

// secure sets the headers of every answer: nothing runs and nothing is loaded but what
// comes from here, no frame holds it, and no other page learns of it.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// enter lets in calls that carry the token. If it returns false, the request was answered.
func (w *Server) enter(rw http.ResponseWriter, r *http.Request) bool {
	token := r.URL.Query().Get("token")
	switch {
	case isEntry(r) && token != "" && (w.isToken(token) || w.redeem(token)):
		// From now on the cookie counts, and the token leaves the address bar.
		http.SetCookie(rw, &http.Cookie{Name: w.cookie(), Value: w.cfg.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		http.Redirect(rw, r, "/", http.StatusSeeOther)
		return false
	case isEntry(r) && token != "", !w.allowed(r):
		rw.Header().Set("WWW-Authenticate", `Bearer realm="relayctl inspector"`)
		w.fail(rw, r, http.StatusUnauthorized, errors.New("the token is missing or wrong: open the address that relayctl printed, or send it as Authorization: Bearer"))
		return false
	}
	return true
}

// Invite returns an address that opens the page once, without the token: a command that
// starts a browser shows its arguments in the list of processes. A later invitation
// replaces it.
func (w *Server) Invite() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.invited = rand.Text()
	return w.URL() + "?token=" + w.invited
}

// redeem says whether a text is the invitation. An invitation counts once.
func (w *Server) redeem(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.invited == "" || subtle.ConstantTimeCompare([]byte(text), []byte(w.invited)) != 1 {
		return false
	}
	w.invited = ""
	return true
}

// cookie is the cookie's name: cookies are not told apart by port.
func (w *Server) cookie() string { return "relayctl_" + w.port() }

func (w *Server) allowed(r *http.Request) bool {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return w.isToken(strings.TrimSpace(token))
	}
	for _, c := range r.CookiesNamed(w.cookie()) {
		if w.isToken(c.Value) {
			return true
		}
	}
	return false
}

// isToken compares in constant time, whatever the lengths.
func (w *Server) isToken(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(w.cfg.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
