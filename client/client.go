// Package client is the Go client of the manager's API, and the types of its
// contract, which the server uses too. The command `releve` is built on it.
package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client speaks to one manager, as one person or program.
type Client struct {
	base    string
	token   string
	cookies []*http.Cookie
	http    *http.Client
}

// mostAnswer is more than any answer that isn't a stream.
const mostAnswer = 64 << 20

// New makes a client of the manager at address ("https://manager.example:8443").
// fingerprint, if not empty, is of the manager's own CA, or of the one certificate
// that it shows: no other is believed. With none the system's CAs decide. Nothing is believed because it
// was there first.
func New(address, fingerprint, token string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("manager %q: not an address\nhint: such as https://manager.example:8443", address)
	}
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, Proxy: http.ProxyFromEnvironment}
	if fingerprint != "" {
		want, err := ParseFingerprint(fingerprint)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = pinned(want, u.Hostname())
	}
	return &Client{base: strings.TrimSuffix(u.Scheme+"://"+u.Host, "/"), token: token, http: &http.Client{Transport: transport}}, nil
}

// ParseFingerprint reads SHA-256 in hexadecimal, with or without colons.
func ParseFingerprint(text string) ([]byte, error) {
	text = strings.TrimPrefix(strings.ToLower(text), "sha256:")
	raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(raw) != sha256.Size {
		return nil, errors.New("fingerprint: not 64 hexadecimal digits\nhint: copy what `releve-manager up` printed")
	}
	return raw, nil
}

// authorityName is in each certificate that a manager's own CA gives a manager.
// Whoever asks for it is shown that one, whatever the others are shown.
const authorityName = "releve-manager"

// pinned believes a chain whose CA is the certificate with this hash, or whose
// first certificate has it and is of the name.
func pinned(want []byte, name string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: authorityName,
		InsecureSkipVerify: true, // VerifyConnection is stricter: one certificate, instead of all CAs
		VerifyConnection: func(state tls.ConnectionState) error {
			roots := x509.NewCertPool()
			for i, c := range state.PeerCertificates {
				sum := sha256.Sum256(c.Raw)
				if !bytes.Equal(sum[:], want) {
					continue
				}
				roots.AddCert(c)
				of := authorityName
				if i == 0 {
					of = name
				}
				_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: of})
				return err
			}
			return errors.New("the manager's certificate has another fingerprint\nhint: it is another manager, or somebody stands between; compare with `releve-manager fingerprint` on its machine")
		},
	}
}

// As is the same client with another's token.
func (c *Client) As(token string) *Client {
	other := *c
	other.token, other.cookies = token, nil
	return &other
}

// Condition is how a change is asked for.
type Condition struct {
	IfMatch uint64 // the site's generation as it was seen
	DryRun  bool   // check all, keep nothing
	Key     string // Idempotency-Key; "": none
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any
	Condition
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	var body io.Reader
	if k.body != nil {
		text, err := json.Marshal(k.body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", k.method, k.path, err)
		}
		body = bytes.NewReader(text)
	}
	if k.query == nil {
		k.query = url.Values{}
	}
	if k.DryRun {
		k.query.Set("dry_run", "true")
	}
	address := c.base + "/api/v1" + k.path
	if len(k.query) > 0 {
		address += "?" + k.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, k.method, address, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if k.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if k.IfMatch != 0 {
		r.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(k.IfMatch)))
	}
	if k.Key != "" {
		r.Header.Set("Idempotency-Key", k.Key)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for _, cookie := range c.cookies {
		r.AddCookie(cookie)
	}
	return r, nil
}

// do sends one request and decodes the answer into T.
func do[T any](ctx context.Context, c *Client, k call) (answer T, err error) {
	response, err := c.send(ctx, k)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if cookies := response.Cookies(); len(cookies) > 0 {
		c.cookies = cookies
	}
	if response.StatusCode == http.StatusNoContent {
		return answer, nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, mostAnswer)).Decode(&answer); err != nil {
		return answer, fmt.Errorf("%s: an answer that isn't the manager's: %w", c.base, err)
	}
	return answer, nil
}

// send returns the answer to a request that was carried out.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	r, err := c.request(ctx, k)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreached(err)
	}
	if response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	p := &Problem{}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(p); err != nil || p.Detail == "" {
		return nil, fmt.Errorf("%s answered %s, and not as a manager does\nhint: is it the manager's address?", c.base, response.Status)
	}
	return nil, p
}

// unreached says why a manager gave no answer.
func (c *Client) unreached(err error) error {
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%s: its certificate is of no known CA\nhint: give the fingerprint that `releve-manager up` printed: releve login %s --fingerprint …", c.base, c.base)
	case errors.Is(err, context.Canceled):
		return err
	}
	return fmt.Errorf("the manager doesn't answer: %w\nhint: is releve-manager running at %s?", err, c.base)
}

// Error is for people; the kind is for programs.
func (p *Problem) Error() string {
	text := p.Detail
	if len(p.Faults) > 1 || len(p.Faults) == 1 && p.Faults[0].Message != p.Detail {
		for _, f := range p.Faults {
			if f.Message == p.Detail {
				continue
			}
			text += "\n" + f.String()
		}
	}
	if p.Remedy != "" {
		text += "\nhint: " + p.Remedy
	}
	return text
}

func (f Fault) String() string {
	if f.Field == "" {
		return f.Message
	}
	return f.Field + ": " + f.Message
}
