// Package arm speaks to Azure Resource Manager: one conditional read or write
// at a time, raw JSON in and out, no retry of its own. What to ask next is
// decided in core/steer; a retry is a new decision there.
//
// It goes through azcore's ARM pipeline (authentication, request ids, error
// classes) with the pipeline's retries and resource-provider registration
// switched off. A typed model is never used: it would drop the properties that
// it doesn't know when it writes a NIC back (requirement B5).
//
// # Concurrency
//
// A Client may be used by several goroutines. Start's done is called from a
// goroutine of its own, once for each request, also after Close.
package arm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azarm "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// TokenSource gives bearer tokens for ARM, fetched ahead (azure/imds has one).
type TokenSource interface {
	// Token returns at once if there is a token in hand.
	Token(ctx context.Context) (token string, expires time.Time, err error)
	// Refused tells that ARM didn't accept token, so that it isn't offered again.
	Refused(token string)
}

// Config says where ARM is and which resources the site has there.
type Config struct {
	Endpoint string // https://management.azure.com
	Audience string // resource that tokens are for; "" for Endpoint
	CAFile   string // PEM certificates to trust besides the system's; "" for none

	NIC, PeerNIC string // resource ids (NICID)
	PeerVM       string // resource id (VMID), or ""

	Dialer *net.Dialer // by which connections are made; nil for the kernel's choice of an interface

	Tokens TokenSource
	Clock  func() time.Duration // the agent's clock (Response.SentAt)
}

// Client is the connection to ARM of one vSocket.
type Client struct {
	endpoint  *url.URL
	resources [steer.Targets]resource
	tokens    TokenSource
	clock     func() time.Duration
	pipeline  runtime.Pipeline
	transport *transport
	slots     chan struct{} // one for each request under way

	closing context.Context
	close   context.CancelFunc
}

const (
	// maxUnderWay bounds the requests under way; steer has one a resource.
	maxUnderWay = 8
	// defaultTimeout is that of a request which names none.
	defaultTimeout = 10 * time.Second
)

// New makes a client. It connects with the first request.
func New(config Config) (*Client, error) {
	endpoint, err := url.Parse(config.Endpoint)
	if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" {
		return nil, fmt.Errorf("ARM endpoint %q is not https://host", config.Endpoint)
	}
	endpoint.Path = ""
	if config.Audience == "" {
		config.Audience = config.Endpoint
	}
	if config.NIC == "" || config.PeerNIC == "" {
		return nil, errors.New("the ids of the LAN NICs are missing")
	}
	transport, err := newTransport(config.CAFile, config.Dialer)
	if err != nil {
		return nil, err
	}
	// The pipeline asks for a token once Do has one in hand, so it never waits.
	client, err := azarm.NewClient("releve", "v"+site.Release.String()+".0", credential{config.Tokens}, &azarm.ClientOptions{
		ClientOptions: policy.ClientOptions{
			Cloud: cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
				cloud.ResourceManager: {Endpoint: endpoint.String(), Audience: strings.TrimSuffix(config.Audience, "/")},
			}},
			Retry:     policy.RetryOptions{MaxRetries: -1},
			Telemetry: policy.TelemetryOptions{ApplicationID: "releve"},
			Transport: transport,
		},
		DisableRPRegistration: true,
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the ARM client: %w", err)
	}
	c := &Client{
		endpoint:  endpoint,
		resources: config.resources(),
		tokens:    config.Tokens,
		clock:     config.Clock,
		pipeline:  client.Pipeline(),
		transport: transport,
		slots:     make(chan struct{}, maxUnderWay),
	}
	c.closing, c.close = context.WithCancel(context.Background())
	return c, nil
}

// Close ends the requests under way and all that come.
func (c *Client) Close() {
	c.close()
	c.transport.renew(nil)
}

// ID is the resource id of a target, or "" if the settings name none.
func (c *Client) ID(target steer.Target) string { return c.resources[target].id }

// Start makes the request in the background; done gets its answer.
func (c *Client) Start(request steer.Request, done func(steer.Response)) {
	go func() { done(c.Do(c.closing, request)) }()
}

// Do makes the request and waits for its answer, for the request's time-out at
// most. Everything that can happen is told by the Response.
func (c *Client) Do(ctx context.Context, request steer.Request) steer.Response {
	resource, err := c.resource(&request)
	if err != nil {
		return steer.Response{ID: request.ID, SentAt: c.clock(), Code: steer.BadAnswer, Message: err.Error()}
	}
	timeout := request.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	call := call{method: http.MethodGet, url: resource.url(c.endpoint)}
	if request.Op == steer.Put {
		call.method, call.body, call.ifMatch = http.MethodPut, request.Body, request.IfMatch
	}
	response := c.do(ctx, call)
	response.ID = request.ID
	return response
}

// call is one HTTP request to ARM.
type call struct {
	method, url string
	body        []byte
	ifMatch     string
}

func (c *Client) do(ctx context.Context, call call) steer.Response {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return steer.Response{SentAt: c.clock(), Code: steer.Unreachable,
			Message: fmt.Sprintf("%d requests to ARM are under way without an answer", maxUnderWay)}
	}
	if _, _, err := c.tokens.Token(ctx); err != nil {
		return steer.Response{SentAt: c.clock(), Code: steer.NoToken, Message: err.Error()}
	}
	request, err := c.request(ctx, call)
	if err != nil {
		return steer.Response{SentAt: c.clock(), Code: steer.BadAnswer, Message: err.Error()}
	}
	generation := c.transport.current()
	sentAt := c.clock()
	answer, err := c.pipeline.Do(request)
	if err != nil {
		return c.unanswered(ctx, err, sentAt, generation)
	}
	response := readAnswer(answer, call.method)
	response.SentAt = sentAt
	if response.Status == http.StatusUnauthorized {
		c.tokens.Refused(strings.TrimPrefix(answer.Request.Header.Get("Authorization"), "Bearer "))
	}
	return response
}

func (c *Client) request(ctx context.Context, call call) (*policy.Request, error) {
	request, err := runtime.NewRequest(ctx, call.method, call.url)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	request.Raw().Header.Set("Accept", "application/json")
	if call.body != nil {
		body := streaming.NopCloser(bytes.NewReader(call.body))
		if err := request.SetBody(body, "application/json"); err != nil {
			return nil, fmt.Errorf("making the request: %w", err)
		}
	}
	if call.ifMatch != "" {
		request.Raw().Header.Set("If-Match", call.ifMatch)
	}
	return request, nil
}

// unanswered words a request that got no answer. The connections that it may
// have hung on are not used again.
func (c *Client) unanswered(ctx context.Context, err error, sentAt time.Duration, generation *http.Client) steer.Response {
	response := steer.Response{SentAt: sentAt, Code: steer.Unreachable, Message: plainError(err)}
	var noToken *tokenError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &noToken):
		response.Code = steer.NoToken
		return response
	case errors.As(err, &tooLarge):
		response.Code = steer.BadAnswer
		response.Message = fmt.Sprintf("the answer is larger than %d bytes", maxBody)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		response.Message = "no answer in time"
	}
	c.transport.renew(generation)
	return response
}

// plainError leaves out the method and the address, which stand beside it
// wherever it is shown.
func plainError(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err.Error()
	}
	return err.Error()
}

// credential is a TokenSource as azcore wants it.
type credential struct{ source TokenSource }

var _ azcore.TokenCredential = credential{}

// GetToken leaves out the scopes: the source's tokens are for ARM alone.
func (c credential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, expires, err := c.source.Token(ctx)
	if err != nil {
		return azcore.AccessToken{}, &tokenError{err}
	}
	return azcore.AccessToken{Token: token, ExpiresOn: expires}, nil
}

// tokenError tells a missing token from a missing answer.
type tokenError struct{ error }

func (e *tokenError) Unwrap() error { return e.error }
