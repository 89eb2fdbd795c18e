// Package profile says how long the emulated Azure takes: until it answers,
// until the control plane is done with a write, and until the data plane
// follows. The figures are those of reference reports (Microsoft's
// architecture guide: 1 to 2 minutes for a private address; F5's logs: 30 to
// 90 s, while route updates took about 10 s), drawn anew for each write.
package profile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Class is a kind of resource, by how Azure treats a write to it.
type Class uint8

// The classes. Immediate resources have no operation at all.
const (
	Immediate Class = iota
	NIC
	Routes  // route tables, security groups
	Network // virtual networks, public addresses, application security groups
	Compute
	classes
)

// Range is drawn from evenly.
type Range struct{ From, To time.Duration }

// Write is one class's delays. The data plane stops delivering what was
// removed, and begins to deliver what was added, at a drawn share (0 to 1) of
// the control plane's time: before or at the operation's end, never after.
type Write struct {
	Control     Range
	Remove, Add Share
}

// Share is a part of the control plane's time, drawn evenly.
type Share struct{ From, To float64 }

// Profile is a whole set of delays.
type Profile struct {
	Name       string
	Read       Range         // until a GET is answered
	Accept     Range         // until a write is answered
	RetryAfter time.Duration // what Azure advises while an operation runs
	Writes     [classes]Write
}

var (
	whole = Share{1, 1}
	late  = Share{0.2, 1}
)

func ms(from, to int) Range {
	return Range{time.Duration(from) * time.Millisecond, time.Duration(to) * time.Millisecond}
}

func sec(from, to int) Range { return ms(from*1000, to*1000) }

// The profiles that the emulator knows.
var (
	Instant = Profile{Name: "instant", RetryAfter: time.Second, Writes: [classes]Write{
		NIC: {ms(3, 8), whole, whole}, Routes: {ms(3, 8), whole, whole},
		Network: {ms(2, 5), whole, whole}, Compute: {ms(3, 8), whole, whole},
	}}
	Fast = Profile{Name: "fast", Read: ms(5, 25), Accept: ms(30, 120), RetryAfter: time.Second, Writes: [classes]Write{
		NIC: {ms(2500, 3500), late, late}, Routes: {ms(700, 1500), late, late},
		Network: {ms(500, 1500), late, late}, Compute: {ms(2000, 4000), whole, whole},
	}}
	Classic = Profile{Name: "classic", Read: ms(30, 150), Accept: ms(200, 900), RetryAfter: 10 * time.Second, Writes: [classes]Write{
		NIC: {sec(30, 60), late, late}, Routes: {sec(5, 15), late, late},
		Network: {sec(4, 12), late, late}, Compute: {sec(30, 90), whole, whole},
	}}
	Slow = Profile{Name: "slow", Read: ms(50, 400), Accept: ms(400, 2500), RetryAfter: 10 * time.Second, Writes: [classes]Write{
		NIC: {sec(60, 120), late, late}, Routes: {sec(10, 30), late, late},
		Network: {sec(10, 30), late, late}, Compute: {sec(60, 180), whole, whole},
	}}
)

var all = []Profile{Instant, Fast, Classic, Slow}

// Names lists the profiles, for help texts.
func Names() []string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}

// Parse finds a profile by its name.
func Parse(name string) (Profile, error) {
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("profile %q is unknown\nhint: one of %s", name, strings.Join(Names(), ", "))
}

// Drawn is what one write will take, counted from its acceptance.
type Drawn struct{ Remove, Add, Control time.Duration }

// Draw draws for one write. Immediate classes take no time.
func (p *Profile) Draw(c Class, r *rand.Rand) Drawn {
	if c == Immediate {
		return Drawn{}
	}
	w := p.Writes[c]
	control := w.Control.Draw(r)
	return Drawn{Remove: w.Remove.of(control, r), Add: w.Add.of(control, r), Control: control}
}

// Draw is one even draw, both ends included.
func (g Range) Draw(r *rand.Rand) time.Duration {
	if g.To <= g.From {
		return g.From
	}
	return g.From + time.Duration(r.Int64N(int64(g.To-g.From)+1))
}

func (s Share) of(d time.Duration, r *rand.Rand) time.Duration {
	return time.Duration((s.From + (s.To-s.From)*r.Float64()) * float64(d))
}
