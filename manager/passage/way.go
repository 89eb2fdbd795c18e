package passage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"time"

	"releve.dev/releve/site"
)

// mostConnections is how many streams of a vSocket's session a passage may have. A
// session has eight (channel/streams), and the manager wants some for itself.
const mostConnections = 6

// way is a vSocket's passage while it is open.
type way struct {
	p      *Passages
	serial site.Serial
	port   uint16
	server *http.Server
	link   *http.Transport
	proxy  *httputil.ReverseProxy

	timer  *time.Timer
	people map[string]bool // these three have the Passages' lock
	used   time.Time
}

func (p *Passages) newWay(serial site.Serial, port uint16) *way {
	w := &way{p: p, serial: serial, port: port, people: map[string]bool{}, used: time.Now()}
	quiet := slog.NewLogLogger(p.c.Log.Handler(), slog.LevelDebug)
	w.link = &http.Transport{
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return p.c.Dial(ctx, serial, Service) },
		MaxConnsPerHost: mostConnections, IdleConnTimeout: 15 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		DisableCompression: true, // the pages compress by themselves
	}
	w.proxy = &httputil.ReverseProxy{
		Rewrite: w.ask, Transport: w.link, ModifyResponse: w.answer, FlushInterval: -1, ErrorLog: quiet,
		ErrorHandler: func(rw http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				p.c.Fail(rw, r, fmt.Errorf("%w: %w", ErrBroken, err))
			}
		},
	}
	w.server = &http.Server{Handler: w, TLSConfig: p.c.TLS.Clone(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: quiet}
	return w
}

func (w *way) serve(listener net.Listener) {
	if err := w.server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		w.p.c.Log.Error("a passage to a vSocket's pages has failed", "serial", w.serial, "port", w.port, "error", err)
	}
}

func (w *way) close() {
	_ = w.server.Close() // nobody is left who could be told
	w.link.CloseIdleConnections()
}

// ServeHTTP passes on what comes from who has opened the passage.
func (w *way) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	person, err := w.p.c.Person(r)
	if err == nil && !w.admits(person) {
		err = ErrUnopened
	}
	switch {
	case err != nil:
		w.p.c.Fail(rw, r, err)
	case r.Header.Get("Service-Worker") != "":
		// It would outlive the passage, and see what the next vSocket on this port shows
		// (Service Workers, section 4.4 "Handle Fetch").
		http.Error(rw, "a vSocket's pages have no service worker", http.StatusForbidden)
	default:
		w.proxy.ServeHTTP(rw, r)
	}
}
