package oidc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// mostAnswer is more than a provider's keys or tokens need.
const mostAnswer = 1 << 20

// careful is a client that asks by TLS alone, follows no redirect, waits ten
// seconds and reads a mebibyte at most.
func careful(c *http.Client) *http.Client {
	below := http.DefaultTransport
	if c != nil && c.Transport != nil {
		below = c.Transport
	}
	return &http.Client{Transport: onlyTLS{below}, Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type onlyTLS struct{ below http.RoundTripper }

func (o onlyTLS) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("%s: not by TLS", r.URL.Redacted())
	}
	response, err := o.below.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &limited{response.Body, mostAnswer}
	return response, nil
}

// limited fails on a body that is too long, instead of cutting it.
type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, errors.New("the answer is too long")
	}
	return n, err
}
