package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"releve.dev/releve/site"
)

// ErrNotRunning: nobody answers on the socket.
var ErrNotRunning = errors.New("the agent is not running")

// Client is the command line's side.
type Client struct {
	path string
	http *http.Client
}

// Dial makes a client of the agent whose socket is at path. It connects with
// each request.
func Dial(path string) *Client {
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}}
}

// Status asks for the agent's status.
func (c *Client) Status(ctx context.Context) (status site.Status, err error) {
	answer, err := c.do(ctx, http.MethodGet, "/status")
	if err != nil {
		return status, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&status); err != nil {
		return status, fmt.Errorf("reading the agent's status: %w", err)
	}
	return status, nil
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
	return c.lines(ctx, http.MethodGet, "/journal?"+query.Encode(), func(line []byte) error {
		var entry site.Entry
		if err := json.Unmarshal(line, &entry); err != nil {
			return fmt.Errorf("reading the agent's journal: %w", err)
		}
		return emit(entry)
	})
}

// APITest has the agent run the API test, and gives each step to emit.
func (c *Client) APITest(ctx context.Context, emit func(step json.RawMessage) error) error {
	return c.lines(ctx, http.MethodPost, "/api-test", func(line []byte) error { return emit(line) })
}

// Stop asks the agent to end cleanly; it doesn't wait for the end.
func (c *Client) Stop(ctx context.Context) error {
	answer, err := c.do(ctx, http.MethodPost, "/stop")
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// lines gives each line to emit; it must not keep it.
func (c *Client) lines(ctx context.Context, method, path string, emit func(line []byte) error) error {
	answer, err := c.do(ctx, method, path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	scanner := bufio.NewScanner(answer.Body)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if text, failed := failure(scanner.Bytes()); failed {
			return errors.New(text)
		}
		if err := emit(scanner.Bytes()); err != nil {
			return err
		}
	}
	if err := scanner.Err(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the agent has ended meanwhile: %w", err)
	}
	return nil
}

// failure tells an errorBody from every other line: it has that one key alone.
func failure(line []byte) (string, bool) {
	var keys map[string]json.RawMessage
	var text string
	if json.Unmarshal(line, &keys) != nil || len(keys) != 1 || json.Unmarshal(keys["error"], &text) != nil {
		return "", false
	}
	return text, true
}

func (c *Client) do(ctx context.Context, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: nobody answers on %s\nhint: start it with releve-vsocket run, or name its settings with --config", ErrNotRunning, c.path)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("no permission to ask the agent on %s\nhint: run this as root", c.path)
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return nil, fmt.Errorf("the agent on %s has hung up\nhint: only root and the agent's own user may ask it", c.path)
	case err != nil:
		return nil, fmt.Errorf("asking the agent on %s: %w", c.path, err)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if text, failed := failure(body); err == nil && failed {
		return nil, errors.New(text)
	}
	return nil, fmt.Errorf("the agent answers %s %s with %s", method, path, answer.Status)
}
