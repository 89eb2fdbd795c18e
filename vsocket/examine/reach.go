package examine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const reachTimeout = 8 * time.Second

// arm looks for ARM as the agent does, and by each interface alone: it must be
// reached by MGMT (C3). The answer's Date tells how far the clock is off.
func (l *look) arm(ctx context.Context) {
	endpoint, err := url.Parse(l.Endpoint)
	if l.Endpoint == "" || err != nil {
		return
	}
	reach := &l.guest.ARM
	reach.Host = endpoint.Hostname()
	var alone sync.WaitGroup
	var others []string
	var mu sync.Mutex
	for _, of := range []string{"mgmt", "wan", "lan"} {
		device := l.named(of)
		if device == "" {
			continue
		}
		alone.Go(func() {
			_, _, err := l.ask(ctx, endpoint, device, l.ownOf(of))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case of == "mgmt":
				reach.MGMT = err == nil
			case err == nil:
				others = append(others, of)
			}
		})
	}
	from, skew, err := l.ask(ctx, endpoint, "", l.From)
	alone.Wait()
	reach.OK, reach.Others = err == nil, strings.Join(others, ", ")
	if err != nil {
		reach.Why = err.Error()
		return
	}
	reach.By = l.interfaceOf(from)
	l.guest.SkewS = skew
}

func (l *look) ownOf(of string) netip.Addr {
	for _, x := range l.Interfaces {
		if x.Of == of {
			return x.Want.Addr()
		}
	}
	return netip.Addr{}
}

// ask sends one request without a token: any answer of HTTP will do. device binds
// it to an interface, from to an address.
func (l *look) ask(ctx context.Context, endpoint *url.URL, device string, from netip.Addr) (local netip.Addr, skew *float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	roots, err := l.roots()
	if err != nil {
		return local, nil, err
	}
	dialer := &net.Dialer{Control: bind(device)}
	if from.IsValid() {
		dialer.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, Time: nil},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err == nil {
				if at, ok := conn.LocalAddr().(*net.TCPAddr); ok {
					local = at.AddrPort().Addr().Unmap()
				}
			}
			return conn, err
		}}
	defer transport.CloseIdleConnections()
	began := time.Now()
	answer, err := once(ctx, transport, endpoint)
	if wrong := (x509.CertificateInvalidError{}); errors.As(err, &wrong) && wrong.Reason == x509.Expired {
		// The clock may be what is wrong: the certificate is judged without it.
		transport.TLSClientConfig.Time = func() time.Time { return wrong.Cert.NotBefore.Add(time.Minute) }
		began = time.Now()
		answer, err = once(ctx, transport, endpoint)
	}
	if err != nil {
		return local, nil, reason(err)
	}
	_ = answer.Body.Close()
	if there, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		// A Date has whole seconds; half of the way is taken for each direction.
		here := began.Add(time.Since(began) / 2)
		s := here.Sub(there.Add(500 * time.Millisecond)).Seconds()
		skew = &s
	}
	return local, skew, nil
}

func once(ctx context.Context, transport *http.Transport, endpoint *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.Scheme+"://"+endpoint.Host+"/", nil)
	if err != nil {
		return nil, err
	}
	return transport.RoundTrip(request)
}

// reason is an error in the words of who looks for it.
func reason(err error) error {
	var name *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &name):
		return errors.New("its name isn't found: " + name.Err)
	}
	return err
}

func (l *look) roots() (*x509.CertPool, error) {
	if l.CAFile == "" {
		return nil, nil // the system's
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	pem, err := os.ReadFile(l.CAFile)
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no PEM certificate in " + l.CAFile)
	}
	return roots, nil
}

// bind keeps a socket to an interface, whatever the routes say.
func bind(device string) func(string, string, syscall.RawConn) error {
	if device == "" {
		return nil
	}
	return func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) }), err)
	}
}
