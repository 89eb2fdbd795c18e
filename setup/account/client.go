// Package account is the administrator's side of Azure: who signs in, and Azure
// Resource Manager as that person sees it. Resources are raw JSON (package
// document); a write returns when Azure has carried it out, not when it has
// accepted it.
//
// It is the one package below setup/ that waits (Await); house/rules refuses
// clocks that wake somebody elsewhere there.
//
// # Concurrency
//
// A Client may be used by several goroutines.
package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azarm "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/site"
)

// Config says where ARM is and who asks.
type Config struct {
	Endpoint   string // https://management.azure.com
	Audience   string // resource that tokens are for; "" for Endpoint
	Credential azcore.TokenCredential
	Transport  policy.Transporter // nil: TLS with the system's authorities
}

// Client is ARM, asked by one person or application.
type Client struct {
	endpoint   *url.URL
	audience   string
	credential azcore.TokenCredential
	pipeline   runtime.Pipeline
	transport  policy.Transporter
}

// New makes a client. It connects with the first request.
func New(config Config) (*Client, error) {
	endpoint, err := url.Parse(config.Endpoint)
	if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" {
		return nil, fmt.Errorf("ARM endpoint %q is not https://host", config.Endpoint)
	}
	endpoint.Path = ""
	if config.Audience == "" {
		config.Audience = endpoint.String()
	}
	if config.Transport == nil {
		if config.Transport, err = Transport(""); err != nil {
			return nil, err
		}
	}
	c := &Client{endpoint: endpoint, audience: strings.TrimSuffix(config.Audience, "/"), credential: config.Credential, transport: config.Transport}
	client, err := azarm.NewClient("releve", "v"+site.Release.String()+".0", signed{config.Credential}, &azarm.ClientOptions{
		ClientOptions: policy.ClientOptions{
			Cloud: cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
				cloud.ResourceManager: {Endpoint: endpoint.String(), Audience: c.audience},
			}},
			Retry:     policy.RetryOptions{MaxRetries: -1}, // ask does it, and shows it
			Telemetry: policy.TelemetryOptions{ApplicationID: "releve"},
			Transport: config.Transport,
		},
		DisableRPRegistration: true, // it waits unseen; the error names the remedy
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the ARM client: %w", err)
	}
	c.pipeline = client.Pipeline()
	return c, nil
}

// Get reads a resource. One that isn't there is a nil Document and no error. The
// id may have a query, such as ?$expand=instanceView.
func (c *Client) Get(ctx context.Context, id string) (document.Document, string, error) {
	address, err := c.address(id)
	if err != nil {
		return nil, "", err
	}
	answer, err := c.ask(ctx, request{method: http.MethodGet, url: address, id: id})
	if absent(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	d, err := answer.document()
	if err != nil {
		return nil, "", err
	}
	etag := d.Text("etag")
	if etag == "" {
		etag = answer.header.Get("ETag")
	}
	return d, etag, nil
}

// maxPages bounds a list; ARM gives some hundred resources a page.
const maxPages = 500

// List reads all pages of a list. One of a group or resource that isn't there is
// empty.
func (c *Client) List(ctx context.Context, path string) ([]document.Document, error) {
	next, err := c.address(path)
	if err != nil {
		return nil, err
	}
	all := []document.Document{}
	for range maxPages {
		answer, err := c.ask(ctx, request{method: http.MethodGet, url: next, id: path})
		if absent(err) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		page, err := answer.document()
		if err != nil {
			return nil, err
		}
		all = append(all, page.Objects("value")...)
		link := page.Text("nextLink")
		if link == "" {
			return all, nil
		}
		if next, err = c.within(link); err != nil {
			return nil, fmt.Errorf("listing %s: %w", path, err)
		}
	}
	return nil, fmt.Errorf("listing %s: more than %d pages", path, maxPages)
}

// Permissions lists what the caller may do at a scope: a resource, a group or a
// subscription.
func (c *Client) Permissions(ctx context.Context, scope string) (arm.Permissions, error) {
	list, err := c.List(ctx, scope+"/providers/Microsoft.Authorization/permissions")
	if err != nil {
		return nil, err
	}
	var all arm.Permissions
	for _, d := range list {
		all = append(all, arm.Permission{Actions: d.Texts("actions"), NotActions: d.Texts("notActions")})
	}
	return all, nil
}

// address is the URL of an id or a path, with the api-version of its type.
func (c *Client) address(path string) (string, error) {
	path, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("%q is no path in ARM", path)
	}
	if !values.Has("api-version") {
		version := document.APIVersion(document.TypeOf(path))
		if version == "" {
			return "", fmt.Errorf("no api-version is known for %s", path)
		}
		values.Set("api-version", version)
	}
	address := *c.endpoint
	address.Path = path
	address.RawQuery = values.Encode()
	return address.String(), nil
}

// within lets only a link to ARM itself pass: the token goes nowhere else,
// whatever an answer says.
func (c *Client) within(link string) (string, error) {
	u, err := c.endpoint.Parse(link)
	if err != nil || u.Scheme != c.endpoint.Scheme || u.Host != c.endpoint.Host {
		return "", errors.New("ARM's answer leads to another host")
	}
	return u.String(), nil
}

// request is one HTTP request to ARM.
type request struct {
	method, url string
	id          string // what it is about, for people
	body        []byte
	ifMatch     string
}

func (c *Client) prepare(ctx context.Context, r request) (*policy.Request, error) {
	made, err := runtime.NewRequest(ctx, r.method, r.url)
	if err != nil {
		return nil, fmt.Errorf("making a request to ARM: %w", err)
	}
	made.Raw().Header.Set("Accept", "application/json")
	if r.body != nil {
		if err := made.SetBody(streaming.NopCloser(bytes.NewReader(r.body)), "application/json"); err != nil {
			return nil, fmt.Errorf("making a request to ARM: %w", err)
		}
	}
	if r.ifMatch != "" {
		made.Raw().Header.Set("If-Match", r.ifMatch)
	}
	return made, nil
}

// answer is what ARM said to a request that it accepted.
type answer struct {
	id     string
	status int
	header http.Header
	body   []byte
}

// document reads the body; a captive portal answers 200, too.
func (a *answer) document() (document.Document, error) {
	d, err := document.Parse(a.body)
	if err != nil {
		return nil, fmt.Errorf("HTTP status %d of %s isn't ARM's\nhint: is a proxy or portal in between?", a.status, a.id)
	}
	return d, nil
}
