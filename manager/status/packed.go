package status

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// packed is a bucket as it is kept: short, as there are very many.
type packed struct {
	Samples   int                `json:"n"`
	Master    int                `json:"m,omitempty"`
	Connected int                `json:"c,omitempty"`
	Roles     map[int]int        `json:"r,omitempty"`
	Figures   map[int][4]rounded `json:"f,omitempty"` // count, sum, least, most
}

// rounded is written with six digits.
type rounded float64

// MarshalJSON writes it.
func (r rounded) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(r), 'g', 6, 64), nil
}

// Pack is a bucket as a text; its start is kept beside it.
func (b *Bucket) Pack() string {
	p := packed{Samples: b.Samples, Master: b.Master, Connected: b.Connected, Roles: map[int]int{}, Figures: map[int][4]rounded{}}
	for i, n := range b.Roles {
		if n > 0 {
			p.Roles[i] = n
		}
	}
	for i, f := range b.Figures {
		if f.Count > 0 {
			p.Figures[i] = [4]rounded{rounded(f.Count), rounded(f.Sum), rounded(f.Least), rounded(f.Most)}
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic("status: a bucket that can't be written: " + err.Error()) // a figure that is no number
	}
	return string(text)
}

// Unpack reads what Pack wrote. What this release doesn't know is left out.
func Unpack(start time.Time, text string) (Bucket, error) {
	var p packed
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return Bucket{}, fmt.Errorf("a bucket that can't be read: %w", err)
	}
	b := Bucket{Start: start, Samples: p.Samples, Master: p.Master, Connected: p.Connected}
	for i, n := range p.Roles {
		if i >= 0 && i < roles {
			b.Roles[i] = n
		}
	}
	for i, f := range p.Figures {
		if i >= 0 && i < metrics {
			b.Figures[i] = Figure{int(f[0]), float64(f[1]), float64(f[2]), float64(f[3])}
		}
	}
	return b, nil
}
