package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func (f EventFilter) query(q url.Values) url.Values {
	for name, value := range map[string]string{"site": f.Site, "kind": strings.Join(f.Kinds, ","), "role": f.Role, "serial": f.Serial,
		"from": f.From, "until": f.Until, "text": f.Text} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// Events is a part of the account's events, the newest first.
func (c *Client) Events(ctx context.Context, f EventFilter, after string, limit int) (Page[Event], error) {
	return do[Page[Event]](ctx, c, call{method: http.MethodGet, path: "/events", query: f.query(pageQuery(after, limit))})
}

// ExportEvents writes all events that fit, as "csv" or "jsonl".
func (c *Client) ExportEvents(ctx context.Context, f EventFilter, format string, to io.Writer) error {
	response, err := c.send(ctx, call{method: http.MethodGet, path: "/events/export", query: f.query(url.Values{"format": {format}})})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(to, response.Body)
	return err
}

// FollowEvents calls each with what is kept from now on, or from after the
// arrival given, until ctx ends, the manager cuts the stream, or each fails.
func (c *Client) FollowEvents(ctx context.Context, f EventFilter, after int64, each func(Event) error) error {
	q := f.query(url.Values{})
	if after > 0 {
		q.Set("after", strconv.FormatInt(after, 10))
	}
	return follow(ctx, c, "/events/stream", q, each)
}

// Status is a site's.
func (c *Client) Status(ctx context.Context, id string) (Status, error) {
	return do[Status](ctx, c, call{method: http.MethodGet, path: sitePath(id, "status")})
}

// WatchStatus calls each with a site's status, now and after each change.
func (c *Client) WatchStatus(ctx context.Context, id string, each func(Status) error) error {
	return follow(ctx, c, sitePath(id, "status")+"/stream", nil, each)
}

// mostLine is more than any message of a stream.
const mostLine = 1 << 20

// follow reads a stream of server-sent events, whose data are each a T.
func follow[T any](ctx context.Context, c *Client, path string, q url.Values, each func(T) error) error {
	response, err := c.send(ctx, call{method: http.MethodGet, path: path, query: q})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, mostLine)
	for lines.Scan() {
		data, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is {
			continue // an id, or a sign of life
		}
		var message T
		if err := json.Unmarshal([]byte(data), &message); err != nil {
			return fmt.Errorf("%s: a message that isn't the manager's: %w", c.base, err)
		}
		if err := each(message); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return c.unreached(err)
	}
	return ctx.Err()
}
