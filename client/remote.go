package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"releve.dev/releve/site"
)

// Restart has a vSocket's agent end cleanly and begin anew; with force also if nobody
// can take over.
func (c *Client) Restart(ctx context.Context, serial string, force bool) error {
	q := url.Values{}
	if force {
		q.Set("force", "true")
	}
	_, err := do[struct{}](ctx, c, call{method: http.MethodPost, path: "/sockets/" + url.PathEscape(serial) + "/restart", query: q})
	return err
}

// Journal calls each with the entries of a vSocket's journal from since on (zero:
// all), and with follow those to come, until ctx ends.
func (c *Client) Journal(ctx context.Context, serial string, since time.Time, follow bool, each func(site.Entry) error) error {
	q := url.Values{}
	if !since.IsZero() {
		q.Set("since", since.Format(time.RFC3339))
	}
	if follow {
		q.Set("follow", "true")
	}
	response, err := c.send(ctx, call{method: http.MethodGet, path: "/sockets/" + url.PathEscape(serial) + "/journal", query: q})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, mostLine)
	for lines.Scan() {
		var entry site.Entry
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			return fmt.Errorf("reading the journal of %s: %w", serial, err)
		}
		if err := each(entry); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return c.unreached(err)
	}
	return ctx.Err()
}
