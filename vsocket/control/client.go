package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"releve.dev/releve/door"
	"releve.dev/releve/site"
)

// ErrNotRunning is wrapped by the error if nobody answers on the socket.
var ErrNotRunning = door.ErrNotRunning

// Client is the command line's side.
type Client struct{ door *door.Client }

// Dial makes a client of the agent whose socket is at path. It connects with
// each request.
func Dial(path string) *Client { return &Client{owner.Dial(path)} }

// Status asks for the agent's status.
func (c *Client) Status(ctx context.Context) (status site.Status, err error) {
	err = c.door.Value(ctx, "/status", &status)
	return status, err
}

// Journal gives the entries from since on to emit, and with follow those to
// come, until ctx ends.
func (c *Client) Journal(ctx context.Context, since time.Time, follow bool, emit func(site.Entry) error) error {
	query := url.Values{}
	if !since.IsZero() {
		query.Set("since", since.Format(time.RFC3339Nano))
	}
	if follow {
		query.Set("follow", "true")
	}
	return c.door.Lines(ctx, http.MethodGet, "/journal?"+query.Encode(), func(line []byte) error {
		var entry site.Entry
		if err := json.Unmarshal(line, &entry); err != nil {
			return fmt.Errorf("reading the agent's journal: %w", err)
		}
		return emit(entry)
	})
}

// APITest has the agent run the API test, and gives each step to emit.
func (c *Client) APITest(ctx context.Context, emit func(step json.RawMessage) error) error {
	return c.door.Lines(ctx, http.MethodPost, "/api-test", func(line []byte) error { return emit(line) })
}

// Settings has the agent take the settings on its disk, and says what became of them.
func (c *Client) Settings(ctx context.Context) (status site.SettingsStatus, err error) {
	err = c.posted(ctx, "/settings", &status)
	return status, err
}

// Apply has the agent read its file anew, and says what became of it.
func (c *Client) Apply(ctx context.Context) (outcome Outcome, err error) {
	err = c.posted(ctx, "/config", &outcome)
	return outcome, err
}

func (c *Client) posted(ctx context.Context, path string, into any) error {
	answer, err := c.door.Do(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("reading what the agent says of its settings: %w", err)
	}
	return nil
}

// Moved gives the agent a person's word that no route leads to a former floating IP.
func (c *Client) Moved(ctx context.Context) error { return c.bare(ctx, "/fip-moved") }

// Stop asks the agent to end cleanly; it doesn't wait for the end.
func (c *Client) Stop(ctx context.Context) error { return c.bare(ctx, "/stop") }

func (c *Client) bare(ctx context.Context, path string) error {
	answer, err := c.door.Do(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
