package arm

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// maxBody bounds an answer. ARM takes no request above 4 MiB, and a NIC has
// some kilobytes.
const maxBody = 4 << 20

// transport is an HTTP client that can be replaced by a new one: after a
// request without an answer, nothing more is sent on the connections that it
// may have been lost on. HTTP/2 would go on using its one connection.
type transport struct {
	roots  *x509.CertPool
	dialer net.Dialer
	mu     sync.Mutex
	http   *http.Client
}

// newTransport makes connections by dialer, nil for one that leaves it to the kernel
// by which interface.
func newTransport(caFile string, dialer *net.Dialer) (*transport, error) {
	t := &transport{}
	if dialer != nil {
		t.dialer = *dialer
	}
	t.dialer.Timeout = 5 * time.Second
	t.dialer.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 3 * time.Second, Count: 3}
	if caFile != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates to trust for ARM: %w", err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no PEM certificate in %s\nhint: ca_file wants the certificate of the authority that signed the endpoint's", caFile)
		}
		t.roots = roots
	}
	t.http = t.fresh()
	return t, nil
}

// fresh makes a client that shares no connection with earlier ones. It follows
// no redirect (ARM gives none, and the token must go nowhere else) and uses no
// proxy: ARM is reached over the MGMT interface (requirement C3).
func (t *transport) fresh() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         t.dialer.DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: t.roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 5 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: maxUnderWay,
			IdleConnTimeout:     5 * time.Minute, // outlasts the pause between two reads at rest
			HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 3 * time.Second},
		},
	}
}

func (t *transport) current() *http.Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.http
}

// renew replaces the client if it still is the one given (nil: in any case).
// Requests under way on the old one go on.
func (t *transport) renew(old *http.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old != nil && old != t.http {
		return
	}
	t.http.CloseIdleConnections()
	t.http = t.fresh()
}

// Do implements policy.Transporter.
func (t *transport) Do(request *http.Request) (*http.Response, error) {
	response, err := t.current().Do(request)
	if err != nil {
		return nil, err
	}
	response.Body = http.MaxBytesReader(nil, response.Body, maxBody)
	return response, nil
}
