package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Metrics is what a site's vSockets measured over time.
type Metrics struct {
	Site    string          `json:"site"`
	From    time.Time       `json:"from"`
	Until   time.Time       `json:"until"`
	WidthS  int             `json:"width_s" doc:"Seconds that a point stands for: the fewest that are kept for the span"`
	Sockets []SocketMetrics `json:"sockets"`
}

// SocketMetrics is one vSocket's.
type SocketMetrics struct {
	Serial string  `json:"serial"`
	Role   string  `json:"role" enum:"primary,secondary"`
	Points []Point `json:"points" doc:"In the order of time; what wasn't reported is missing"`
}

// Point is a span of time. Shares are between 0 and 1, of the reports in the span.
type Point struct {
	Start           time.Time          `json:"start"`
	Reports         int                `json:"reports"`
	Master          float64            `json:"master" doc:"Share as Master"`
	Connected       float64            `json:"connected" doc:"Share with a tunnel to the cloud"`
	Roles           map[string]float64 `json:"roles" doc:"Share in each role"`
	Received        *Measured          `json:"received,omitempty" doc:"bit/s from the cloud"`
	Sent            *Measured          `json:"sent,omitempty" doc:"bit/s to the cloud"`
	Latency         *Measured          `json:"latency,omitempty" doc:"ms"`
	Loss            *Measured          `json:"loss,omitempty" doc:"percent"`
	PacketsReceived *Measured          `json:"packets_received,omitempty" doc:"a second"`
	PacketsSent     *Measured          `json:"packets_sent,omitempty" doc:"a second"`
}

// Measured sums up the reports in a span that had a value.
type Measured struct {
	Mean  float64 `json:"mean"`
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// Metrics is what a site's vSockets measured between two times; zero: the last day.
func (c *Client) Metrics(ctx context.Context, id string, from, until time.Time) (Metrics, error) {
	q := url.Values{}
	for name, t := range map[string]time.Time{"from": from, "until": until} {
		if !t.IsZero() {
			q.Set(name, t.UTC().Format(time.RFC3339))
		}
	}
	return do[Metrics](ctx, c, call{method: http.MethodGet, path: sitePath(id, "metrics"), query: q})
}
