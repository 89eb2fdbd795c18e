package door

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// ErrNotRunning is wrapped by the error if nobody answers on the socket.
var ErrNotRunning = errors.New("is not running")

// Client is the command line's side.
type Client struct {
	owner Owner
	path  string
	http  *http.Client
}

// Dial makes a client of the program whose socket is at path. It connects with
// each request.
func (o Owner) Dial(path string) *Client {
	return o.Through(path, &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	})
}

// Through is Dial by another way than the socket.
func (o Owner) Through(path string, way http.RoundTripper) *Client {
	return &Client{owner: o, path: path, http: &http.Client{Transport: way}}
}

// Value asks for a value in JSON.
func (c *Client) Value(ctx context.Context, path string, into any) error {
	answer, err := c.Do(ctx, http.MethodGet, path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the %s's answer: %w", c.owner.Who, err)
	}
	return nil
}

// Lines gives each line of the answer to emit; it must not keep it.
func (c *Client) Lines(ctx context.Context, method, path string, emit func(line []byte) error) error {
	answer, err := c.Do(ctx, method, path)
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
		return fmt.Errorf("the %s has ended meanwhile: %w", c.owner.Who, err)
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

// Do makes a request; its caller closes the answer's body.
func (c *Client) Do(ctx context.Context, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://door"+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("the %s %w: nobody answers on %s\nhint: start it with %s run, or name its settings with --config", c.owner.Who, ErrNotRunning, c.path, c.owner.Program)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("no permission to ask the %s on %s\nhint: run this as root", c.owner.Who, c.path)
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return nil, fmt.Errorf("the %s on %s has hung up\nhint: only root and its own user may ask it", c.owner.Who, c.path)
	case err != nil:
		return nil, fmt.Errorf("asking the %s on %s: %w", c.owner.Who, c.path, err)
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if text, failed := failure(body); err == nil && failed {
		return nil, errors.New(text)
	}
	return nil, fmt.Errorf("the %s answers %s %s with %s", c.owner.Who, method, path, answer.Status)
}
