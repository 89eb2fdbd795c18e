package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Takeover is one change of a site's active vSocket, as the one that took over tells
// it. Milliseconds count from its first sign.
type Takeover struct {
	Term      uint64        `json:"term"`
	Role      string        `json:"role" enum:"primary,secondary" doc:"Of the vSocket that took over"`
	Serial    string        `json:"serial"`
	Cause     string        `json:"cause,omitempty"`
	Began     time.Time     `json:"began"`
	Granted   time.Time     `json:"granted"`
	ClaimedMS float64       `json:"claimed_ms" doc:"It was decided to take over"`
	GrantedMS float64       `json:"granted_ms"`
	ServingMS *float64      `json:"serving_ms,omitempty" doc:"The traffic was served; absent: it never was"`
	EndedMS   float64       `json:"ended_ms" doc:"The last row: as a rule the floating IP is on the one NIC alone"`
	AzureMS   float64       `json:"azure_ms" doc:"Of the time until the traffic was served: calls to Azure on their way"`
	OursMS    float64       `json:"ours_ms" doc:"The rest of that time"`
	Rows      []TakeoverRow `json:"rows,omitempty"`
	Left      int           `json:"left,omitempty" doc:"How many rows between were left out"`
}

// TakeoverRow is a row of the journal.
type TakeoverRow struct {
	AfterMS float64   `json:"after_ms"`
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind" enum:"seen,decided,called"`
	What    string    `json:"what" doc:"A constant text"`
	Detail  string    `json:"detail,omitempty" doc:"For people"`
	TookMS  float64   `json:"took_ms,omitempty" doc:"Of a call: until what shows its answer"`
}

// Takeovers reads a part of a site's, the newest first.
func (c *Client) Takeovers(ctx context.Context, site string, rows bool, after string, limit int) (Page[Takeover], error) {
	q := pageQuery(after, limit)
	if rows {
		q.Set("rows", "true")
	}
	return do[Page[Takeover]](ctx, c, call{method: http.MethodGet, path: "/sites/" + url.PathEscape(site) + "/takeovers", query: q})
}
