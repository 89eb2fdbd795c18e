package arm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"releve.dev/releve/core/steer"
)

// Permission is what one role assignment lets the caller do at a scope
// (Microsoft.Authorization/permissions, api-version 2022-04-01).
type Permission struct {
	Actions    []string `json:"actions"`
	NotActions []string `json:"notActions"`
}

// Permissions is what the caller may do at a scope by all its assignments.
type Permissions []Permission

// Allows reports whether one of the assignments grants the action and doesn't
// take it back. Deny assignments are not in the answer and not seen here.
func (p Permissions) Allows(action string) bool {
	for _, permission := range p {
		if anyMatch(permission.Actions, action) && !anyMatch(permission.NotActions, action) {
			return true
		}
	}
	return false
}

func anyMatch(patterns []string, action string) bool {
	for _, pattern := range patterns {
		if matches(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// matches compares with Azure's wildcard, which stands for any text, slashes
// included.
func matches(pattern, text string) bool {
	head, tail, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for {
		middle, rest, more := strings.Cut(tail, "*")
		if !more {
			return strings.HasSuffix(text, tail)
		}
		i := strings.Index(text, middle)
		if i < 0 {
			return false
		}
		text, tail = text[i+len(middle):], rest
	}
}

// maxPages bounds the answer's pages; a scope has few assignments.
const maxPages = 20

// Permissions lists what the caller may do at the resource with id. The
// Response is that of the last request, for its error.
func (c *Client) Permissions(ctx context.Context, id string, timeout time.Duration) (Permissions, steer.Response) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	scope := resource{id: id + "/providers/Microsoft.Authorization/permissions", version: permissionVersion}
	next := scope.url(c.endpoint)
	var all Permissions
	for range maxPages {
		response := c.do(ctx, call{method: http.MethodGet, url: next})
		if !response.OK() {
			return nil, response
		}
		var page struct {
			Value    Permissions `json:"value"`
			NextLink string      `json:"nextLink"`
		}
		if err := json.Unmarshal(response.Body, &page); err != nil {
			return nil, steer.Response{Code: steer.BadAnswer, Message: fmt.Sprintf("reading permissions: %v", err)}
		}
		all = append(all, page.Value...)
		if page.NextLink == "" {
			return all, response
		}
		// The token goes to ARM alone, whatever the answer says.
		link, err := url.Parse(page.NextLink)
		if err != nil || link.Scheme != c.endpoint.Scheme || link.Host != c.endpoint.Host {
			return nil, steer.Response{Code: steer.BadAnswer, Message: "permissions go on at another host"}
		}
		next = page.NextLink
	}
	return nil, steer.Response{Code: steer.BadAnswer, Message: fmt.Sprintf("permissions have more than %d pages", maxPages)}
}
