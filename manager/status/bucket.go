package status

import (
	"slices"
	"time"

	"releve.dev/releve/site"
)

// Metric is one of the figures over time.
type Metric uint8

// The figures. Those that nobody measures stay empty.
const (
	Received        Metric = iota // bit/s
	Sent                          // bit/s
	Latency                       // ms
	Loss                          // percent
	PacketsReceived               // a second
	PacketsSent                   // a second
	metrics         = iota
)

// Sample is a vSocket at one moment, about one each second.
type Sample struct {
	At        time.Time
	Role      site.Role
	Master    bool
	Connected bool
	Values    [metrics]*float64 // nil: not known
}

// SampleOf takes one from a status, as it is at that moment.
func SampleOf(at time.Time, s *site.Status) Sample {
	sample := Sample{At: at, Role: s.Role, Master: s.Master}
	if has, up, _ := s.Cloud(); has {
		t := s.Tunnel
		sample.Connected = up
		sample.Values[Received], sample.Values[Sent] = &t.ReceivedRate, &t.SentRate
		sample.Values[Latency], sample.Values[Loss] = t.Latency, t.Loss
	}
	return sample
}

// Figure sums values up.
type Figure struct {
	Count int     `json:"count"`
	Sum   float64 `json:"sum"`
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
}

// Mean is of no meaning without a value.
func (f Figure) Mean() float64 { return f.Sum / float64(max(1, f.Count)) }

func (f *Figure) add(g Figure) {
	if g.Count == 0 {
		return
	}
	if f.Count == 0 {
		*f = g
		return
	}
	f.Count, f.Sum, f.Least, f.Most = f.Count+g.Count, f.Sum+g.Sum, min(f.Least, g.Least), max(f.Most, g.Most)
}

// roles are those of site.Role.
const roles = int(site.Suspended) + 1

// Bucket is a span of time. What wasn't reported is missing in Samples, so it is
// told apart from zero.
type Bucket struct {
	Start     time.Time       `json:"start"`
	Samples   int             `json:"samples"`
	Roles     [roles]int      `json:"roles"` // samples in each role
	Master    int             `json:"master"`
	Connected int             `json:"connected"`
	Figures   [metrics]Figure `json:"figures"`
}

func (b *Bucket) add(c *Bucket) {
	b.Samples, b.Master, b.Connected = b.Samples+c.Samples, b.Master+c.Master, b.Connected+c.Connected
	for i := range b.Roles {
		b.Roles[i] += c.Roles[i]
	}
	for i := range b.Figures {
		b.Figures[i].add(c.Figures[i])
	}
}

// bucketOf is a sample alone.
func bucketOf(s *Sample, width time.Duration) Bucket {
	b := Bucket{Start: startOf(s.At, width), Samples: 1}
	if int(s.Role) < roles {
		b.Roles[s.Role] = 1
	}
	if s.Master {
		b.Master = 1
	}
	if s.Connected {
		b.Connected = 1
	}
	for i, v := range s.Values {
		if v != nil {
			b.Figures[i] = Figure{1, *v, *v, *v}
		}
	}
	return b
}

// startOf is the start of the bucket that has a moment: widths divide a day, so
// buckets begin with it.
func startOf(at time.Time, width time.Duration) time.Time { return at.UTC().Truncate(width) }

// Fold puts a sample into its bucket of a series in the order of time. A late one
// still finds its own.
func Fold(series []Bucket, width time.Duration, s Sample) []Bucket {
	b := bucketOf(&s, width)
	return place(series, &b)
}

func place(series []Bucket, b *Bucket) []Bucket {
	i, found := slices.BinarySearchFunc(series, b.Start, func(c Bucket, at time.Time) int { return c.Start.Compare(at) })
	if !found {
		return slices.Insert(series, i, *b)
	}
	series[i].add(b)
	return series
}

// Coarsen makes wider buckets of a series; the same come out as from its samples.
func Coarsen(series []Bucket, width time.Duration) []Bucket {
	var wide []Bucket
	for _, b := range series {
		b.Start = startOf(b.Start, width)
		wide = place(wide, &b)
	}
	return wide
}
