// Package imds reads Azure's instance metadata service: tokens of the VM's
// managed identity, fetched ahead of need, and which addresses Azure has given
// to the VM's NICs. The latter shows a floating IP that was moved away without
// asking ARM (ha.md section 2).
//
// IMDS answers on 169.254.169.254 over the VM's primary NIC, never through a
// proxy (Microsoft, "Azure Instance Metadata Service").
package imds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultBase is where IMDS is on each Azure VM.
const DefaultBase = "http://169.254.169.254"

// What a caller decides on. Each error of this package is one of them.
var (
	// ErrUnreachable: no answer. IMDS is local; the route to it is missing, or
	// this is no Azure VM.
	ErrUnreachable = errors.New("the instance metadata service doesn't answer")
	// ErrBusy: IMDS wants to be asked again later (404, 410, 429, 5xx).
	ErrBusy = errors.New("the instance metadata service is busy")
	// ErrIdentity: the VM doesn't have the identity that a token was asked for,
	// or has several and none was named.
	ErrIdentity = errors.New("no such managed identity on this VM")
	// ErrAnswer: not an answer that IMDS gives.
	ErrAnswer = errors.New("not an answer of the instance metadata service")
	// ErrNoInterface: the VM has no NIC as asked for.
	ErrNoInterface = errors.New("no such network interface on this VM")
)

// maxBody bounds an answer; a VM's metadata has some kilobytes.
const maxBody = 1 << 20

// Config says what to ask for.
type Config struct {
	Base     string // "" for DefaultBase
	ClientID string // of the user-assigned identity; "" if the VM has just one
	Audience string // resource that tokens are for, like https://management.azure.com
}

// Client asks IMDS, once a call. It may be used by several goroutines.
type Client struct {
	config Config
	http   *http.Client
}

// New makes a client.
func New(config Config) (*Client, error) {
	if config.Base == "" {
		config.Base = DefaultBase
	}
	base, err := url.Parse(config.Base)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("metadata service %q is not http://host", config.Base)
	}
	config.Base = base.Scheme + "://" + base.Host
	return &Client{config: config, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ // no Proxy: IMDS refuses forwarded requests
			DialContext:     (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			IdleConnTimeout: time.Minute,
		},
	}}, nil
}

// get returns the body of a successful answer.
func (c *Client) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.config.Base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	request.Header.Set("Metadata", "true")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrUnreachable, reason(ctx, err))
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s", ErrUnreachable, reason(ctx, err))
	case len(body) > maxBody:
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrAnswer, maxBody)
	case answer.StatusCode != http.StatusOK:
		return nil, refusal(answer.StatusCode, body)
	}
	return body, nil
}

func reason(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "no answer in time"
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err.Error()
}

// refusal is the error for an answer that is no success. IMDS tells what is
// wrong in error_description.
func refusal(status int, body []byte) error {
	var told struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	text := fmt.Sprintf("HTTP status %d", status)
	if json.Unmarshal(body, &told) == nil && told.Error != "" {
		text += ": " + strings.TrimSpace(told.Error+" "+told.Description)
	}
	switch {
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusTooManyRequests, status >= 500:
		return fmt.Errorf("%w: %s", ErrBusy, text)
	case status == http.StatusBadRequest && told.Error == "invalid_request", strings.Contains(told.Error, "identity"):
		return fmt.Errorf("%w: %s", ErrIdentity, text)
	}
	return fmt.Errorf("%w: %s", ErrAnswer, text)
}
