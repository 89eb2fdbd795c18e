package passage

import (
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strings"
)

// prefix begins the names of a vSocket's cookies. Browsers share cookies among a host's
// ports (RFC 6265, section 8.5): without it a vSocket would see the manager's.
func (w *way) prefix() string { return "__Host-" + string(w.serial) + "." }

// ask is a request as the vSocket gets it: without the manager's cookies.
func (w *way) ask(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host = "http", "vsocket"
	r.Out.Host = r.In.Host // by which the pages know their own forms
	r.Out.Header.Del("Cookie")
	for _, c := range r.In.Cookies() {
		if name, own := strings.CutPrefix(c.Name, w.prefix()); own {
			r.Out.AddCookie(&http.Cookie{Name: name, Value: c.Value, Quoted: c.Quoted})
		}
	}
}

// passing are the headers of an answer that say nothing but of it.
var passing = []string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Disposition", "Content-Language", "Date", "Vary", "X-Accel-Buffering"}

// policy is that of the pages themselves, whatever the vSocket says.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// answer is a vSocket's answer as the browser gets it. Nothing is kept of it: the port
// may be another vSocket's next.
func (w *way) answer(r *http.Response) error {
	is := r.Header
	r.Header = http.Header{}
	for _, name := range passing {
		if values := is[textproto.CanonicalMIMEHeaderKey(name)]; values != nil {
			r.Header[name] = values
		}
	}
	if to := is.Get("Location"); strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.Contains(to, `\`) {
		r.Header.Set("Location", to)
	}
	for _, c := range (&http.Response{Header: is}).Cookies() {
		kept := http.Cookie{Name: w.prefix() + c.Name, Value: c.Value, Quoted: c.Quoted, MaxAge: c.MaxAge, Path: "/", Secure: true, HttpOnly: true,
			SameSite: http.SameSiteStrictMode}
		r.Header.Add("Set-Cookie", kept.String())
	}
	for name, value := range map[string]string{"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"} {
		r.Header.Set(name, value)
	}
	// What is live comes again by itself, and mustn't keep the passage open.
	if r.StatusCode < http.StatusBadRequest && !strings.HasPrefix(is.Get("Content-Type"), "text/event-stream") {
		w.touch()
	}
	return nil
}
