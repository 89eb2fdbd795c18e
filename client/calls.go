package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

func sitePath(id string, more ...string) string {
	path := "/sites/" + url.PathEscape(id)
	for _, m := range more {
		path += "/" + url.PathEscape(m)
	}
	return path
}

func pageQuery(after string, limit int) url.Values {
	q := url.Values{}
	if after != "" {
		q.Set("after", after)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q
}

// Sites is a part of the account's sites.
func (c *Client) Sites(ctx context.Context, after string, limit int) (Page[Site], error) {
	return do[Page[Site]](ctx, c, call{method: http.MethodGet, path: "/sites", query: pageQuery(after, limit)})
}

// SitesNamed is the site with a name, or none.
func (c *Client) SitesNamed(ctx context.Context, name string) (Page[Site], error) {
	return do[Page[Site]](ctx, c, call{method: http.MethodGet, path: "/sites", query: url.Values{"name": {name}}})
}

// Site is one by its id.
func (c *Client) Site(ctx context.Context, id string) (Site, error) {
	return do[Site](ctx, c, call{method: http.MethodGet, path: sitePath(id)})
}

// CreateSite makes one (E1).
func (c *Client) CreateSite(ctx context.Context, n NewSite, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodPost, "/sites", nil, n, how})
}

// SetSite changes its name.
func (c *Client) SetSite(ctx context.Context, id string, n SiteChange, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodPatch, sitePath(id), nil, n, how})
}

// DeleteSite deletes it; its serial numbers are void.
func (c *Client) DeleteSite(ctx context.Context, id string, how Condition) error {
	_, err := do[struct{}](ctx, c, call{http.MethodDelete, sitePath(id), nil, nil, how})
	return err
}

// AddSecondary adds a secondary vSocket and turns high availability on (E3, E5).
func (c *Client) AddSecondary(ctx context.Context, id string, n NewSecondary, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodPost, sitePath(id, "secondary"), nil, n, how})
}

// Unassign voids the secondary's serial number for ever (E9).
func (c *Client) Unassign(ctx context.Context, id string, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodDelete, sitePath(id, "secondary"), nil, nil, how})
}

// SetHA changes the high-availability section (E7).
func (c *Client) SetHA(ctx context.Context, id string, n HAChange, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodPatch, sitePath(id, "ha"), nil, n, how})
}

// SetNative changes the native range (E7).
func (c *Client) SetNative(ctx context.Context, id string, n NativeChange, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodPatch, sitePath(id, "native"), nil, n, how})
}

// AddNetwork adds a routed range (E8).
func (c *Client) AddNetwork(ctx context.Context, id string, n NewNetwork, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodPost, sitePath(id, "networks"), nil, n, how})
}

// SetNetwork replaces a routed range.
func (c *Client) SetNetwork(ctx context.Context, id, network string, n NewNetwork, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodPut, sitePath(id, "networks", network), nil, n, how})
}

// RemoveNetwork takes a routed range away.
func (c *Client) RemoveNetwork(ctx context.Context, id, network string, how Condition) (Site, error) {
	return do[Site](ctx, c, call{http.MethodDelete, sitePath(id, "networks", network), nil, nil, how})
}

// Socket is one vSocket by its serial number, a void one too.
func (c *Client) Socket(ctx context.Context, serial string) (Socket, error) {
	return do[Socket](ctx, c, call{method: http.MethodGet, path: "/sockets/" + url.PathEscape(serial)})
}

// EnrolKey makes the key with which a vSocket enrols; the one before is good no more.
func (c *Client) EnrolKey(ctx context.Context, serial string) (EnrolKey, error) {
	return do[EnrolKey](ctx, c, call{method: http.MethodPost, path: "/sockets/" + url.PathEscape(serial) + "/enrol-key"})
}

// Audit is a part of the audit log, the newest first.
func (c *Client) Audit(ctx context.Context, after string, limit int) (Page[AuditRow], error) {
	return do[Page[AuditRow]](ctx, c, call{method: http.MethodGet, path: "/audit", query: pageQuery(after, limit)})
}
