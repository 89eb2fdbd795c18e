// Package gateway lets programs outside a lab reach hosts in it: one of them by a
// relay, or all by their names, as an HTTP proxy does (CONNECT, RFC 9110 section
// 9.3.6). So a name means the same inside and outside, and what a set-up tool
// outside writes into a guest is right there.
package gateway

import (
	"io"
	"net"
	"net/http"
	"time"
)

// Dial opens a connection inside the lab to "name:port".
type Dial func(address string) (net.Conn, error)

// Server is a proxy into a lab.
func Server(dial Dial) *http.Server {
	return &http.Server{ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodConnect {
				http.Error(w, "the way into the lab is for https alone", http.StatusMethodNotAllowed)
				return
			}
			far, err := dial(r.Host)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			defer far.Close()
			connect(w, far)
		})}
}

// connect joins the caller's connection to the one in the lab.
func connect(w http.ResponseWriter, far net.Conn) {
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer near.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	join(near, buffered, far)
}
