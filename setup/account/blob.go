package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"releve.dev/releve/setup/document"
)

// Blob is what lies in a container of a storage account.
type Blob struct {
	Found bool
	Page  bool // a page blob, as a VHD must be
}

const (
	signedFor = 15 * time.Minute // more than a look takes, for clocks that differ
	lookTime  = 20 * time.Second // a firewall of the account's may swallow the question
)

// Blob looks whether a blob is there. A role on an account gives nothing of its data
// (Azure, "Authorize access to blobs using Microsoft Entra ID": that takes Storage Blob
// Data Reader, which an Owner isn't). But who may list a service SAS of the account, as
// Owner and Contributor may, has ARM sign a look at this one blob; the account's keys
// are asked for by nobody. An error means that it can't be told: the account allows no
// keys, its firewall lets nobody in from here, or the right is missing.
func (c *Client) Blob(ctx context.Context, account document.Document, container, name string) (Blob, error) {
	endpoint, id := account.Text("properties", "primaryEndpoints", "blob"), account.Text("id")
	where, err := url.Parse(endpoint)
	if err != nil || where.Scheme != "https" || where.Host == "" {
		return Blob{}, fmt.Errorf("the storage account %s has no address for blobs", account.Text("name"))
	}
	answer, err := c.Post(ctx, id+"/listServiceSas", document.Document{
		"canonicalizedResource": "/blob/" + account.Text("name") + "/" + container + "/" + name, "signedResource": "b",
		"signedPermission": "r", "signedProtocol": "https", "signedExpiry": time.Now().Add(signedFor).UTC().Format(time.RFC3339)})
	if err != nil {
		return Blob{}, err
	}
	where = where.JoinPath(container, name)
	where.RawQuery = answer.Text("serviceSasToken")
	return c.look(ctx, where)
}

// look asks the blob itself. Its address is worth as much as a key for a while: no
// error has it.
func (c *Client) look(ctx context.Context, where *url.URL) (Blob, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, where.String(), nil)
	if err != nil {
		return Blob{}, errors.New("the storage account's address can't be asked")
	}
	answer, err := c.transport.Do(r)
	if err != nil {
		var plain *url.Error
		if errors.As(err, &plain) {
			err = plain.Err
		}
		return Blob{}, fmt.Errorf("%s doesn't answer: %w", where.Host, err)
	}
	answer.Body.Close()
	switch code := answer.Header.Get("x-ms-error-code"); {
	case answer.StatusCode == http.StatusOK:
		return Blob{Found: true, Page: strings.EqualFold(answer.Header.Get("x-ms-blob-type"), "PageBlob")}, nil
	case code == "BlobNotFound", code == "ContainerNotFound":
		return Blob{}, nil
	case code == "":
		return Blob{}, fmt.Errorf("%s answers with HTTP status %d", where.Host, answer.StatusCode)
	default:
		return Blob{}, fmt.Errorf("%s answers %s", where.Host, code)
	}
}
