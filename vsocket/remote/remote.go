// Package remote is what the manager may ask of a vSocket through the channel: a
// part of the agent's local door, which changes nothing but for a restart of the
// agent; and the vSocket's own pages, where whoever comes has to sign in as at the MGMT
// address.
package remote

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

// Service is the name by which the manager opens a stream to it: HTTP/1.1, with
// the paths of package control.
const Service = "door"

// WebUI is the name of the vSocket's own pages: HTTP/1.1, without TLS as the channel
// has its own.
const WebUI = "webui"

// Remote serves streams.
type Remote struct {
	server *http.Server
	pages  string
}

// New makes it, for the door whose socket is at path, and for the pages' at pages.
func New(path, pages string) *Remote {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "door" },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}},
		FlushInterval: -1, // who follows waits for each line
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "the agent doesn't run", http.StatusBadGateway)
		},
	}
	mux := http.NewServeMux()
	for _, allowed := range []string{"GET /status", "GET /journal"} {
		mux.Handle(allowed, proxy)
	}
	// The agent hands over if it can, and ends; the system begins it anew
	// (releve-vsocket.service, Restart=always).
	mux.HandleFunc("POST /restart", func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/stop"
		proxy.ServeHTTP(w, r)
	})
	return &Remote{pages: pages, server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10}}
}

// Serve serves one stream, until it is over. A service of another name isn't here.
func (r *Remote) Serve(service string, conn net.Conn) {
	switch service {
	case Service:
		// The error is the listener's, which has no second stream.
		_ = r.server.Serve(&single{conn: conn, taken: make(chan struct{})})
	case WebUI:
		pass(conn, r.pages)
	default:
		_ = conn.Close()
	}
}

// pass joins a stream to a socket, until either ends.
func pass(conn net.Conn, path string) {
	defer conn.Close()
	inner, err := net.Dial("unix", path)
	if err != nil {
		return // the pages aren't served
	}
	defer inner.Close()
	over := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{conn, inner}, {inner, conn}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			over <- struct{}{}
		}()
	}
	<-over
}

// Close ends all streams.
func (r *Remote) Close() error { return r.server.Close() }

// single is a listener that has one connection to give.
type single struct {
	conn  net.Conn
	once  sync.Once
	end   sync.Once
	taken chan struct{} // closed when the connection is, or the listener
}

func (l *single) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = &ending{Conn: l.conn, over: func() { l.end.Do(func() { close(l.taken) }) }} })
	if conn != nil {
		return conn, nil
	}
	<-l.taken
	return nil, net.ErrClosed
}

func (l *single) Close() error {
	l.end.Do(func() { close(l.taken) })
	return nil
}

func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }

// ending tells of its end.
type ending struct {
	net.Conn
	over func()
}

func (e *ending) Close() error {
	e.over()
	return e.Conn.Close()
}
