package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/disk"
	"releve.dev/releve/disk/power"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/spool"
)

// vsockets are the channels of many vSockets in this process: the product's own,
// with their disks in memory, and without agents.
type vsockets struct {
	bySite [][]*vsocket
	all    []*vsocket
	pace   atomic.Int64 // between two reports of one; 0: none
	mark   time.Time
}

// vsocket answers at once that it runs with what it is given.
type vsocket struct {
	*channel.Channel
	status     site.Status
	mu         sync.Mutex
	generation uint64
	since      time.Time
}

// sources are how many addresses of the loopback they dial from: each has ports of
// its own.
const sources = 16

// serveVSockets is the actor. which is "primary", "secondary", or "both".
func serveVSockets(dir, address, which string) error {
	v, err := openVSockets(dir, address, which)
	if err != nil {
		return err
	}
	go v.report()
	return obey(v.do)
}

func openVSockets(dir, address, which string) (*vsockets, error) {
	e, err := readEstate(dir)
	if err != nil {
		return nil, err
	}
	v := &vsockets{}
	for n, s := range e.Sites {
		var here []*vsocket
		for i, side := range []site.Side{site.Primary, site.Secondary} {
			if which != "both" && which != side.String() {
				continue
			}
			one, err := newVSocket(s.VSockets[i], address, len(v.all), side, fmt.Sprint("site", n))
			if err != nil {
				return nil, err
			}
			here, v.all = append(here, one), append(v.all, one)
		}
		v.bySite = append(v.bySite, here)
	}
	return v, nil
}

func newVSocket(id identity, address string, n int, side site.Side, of string) (*vsocket, error) {
	folder := power.New()
	if err := disk.Replace(folder, "identity.pem", id.PEM); err != nil {
		return nil, err
	}
	s, err := spool.Open(folder, spool.Options{Boot: rand.Uint64()>>1 | 1})
	if err != nil {
		return nil, err
	}
	from := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+n%sources))}}
	v := &vsocket{status: statusOfOne(side, of)}
	v.Channel, err = channel.Open(channel.Config{Manager: address, Folder: folder, Spool: s, Version: site.Release, Machine: string(id.Serial),
		Log: slog.New(slog.DiscardHandler), Dial: from.DialContext, Apply: v.apply})
	return v, err
}

// statusOfOne is what a vSocket at rest tells of itself.
func statusOfOne(side site.Side, of string) site.Status {
	latency, loss, age := 12.5, 0.0, 41.0
	s := site.Status{Site: of, Side: side, Version: site.Release, Summary: "ready", Role: site.Standby, Term: 7, Holder: site.Primary,
		Boot: "0123456789abcdef", Fit: true}
	s.HA = site.HAStatus{Configured: true, Ready: true, Indicators: []site.Indicator{{Name: "Keepalive", OK: true, Since: 86400},
		{Name: "Same version", OK: true, Since: 86400}, {Name: "Connected", OK: true, Since: 86400}}}
	s.Peer = site.PeerStatus{Heard: true, Role: site.Active, Fit: true, Version: site.Release, AgeMS: map[string]float64{"lan": 12, "mgmt": 18}}
	s.FIP = site.FIPStatus{Address: netip.MustParseAddr("10.0.0.6"), On: "peer"}
	s.Azure = site.AzureStatus{OK: true, Since: 86400}
	s.Tunnel = &site.TunnelStatus{PoP: "pop1", Endpoint: netip.MustParseAddrPort("192.0.2.1:51820"), Device: "rlv0", Up: true, Handshake: &age,
		ReceivedRate: 1e6, SentRate: 2e6, Latency: &latency, Loss: &loss}
	return s
}

func (v *vsocket) apply(_ context.Context, s *contract.Settings) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.generation, v.since = s.Generation, time.Now()
	return nil
}

// had is when it got a generation, as nanoseconds since 1970; 0: not yet.
func (v *vsocket) had(generation uint64) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.generation < generation {
		return 0
	}
	return v.since.UnixNano()
}

func (v *vsockets) do(o order) (any, error) {
	switch o.Do {
	case "connect":
		v.mark = time.Now()
		for i, one := range v.all {
			time.AfterFunc(o.For*time.Duration(i)/time.Duration(len(v.all)), func() { _ = one.Run(context.Background()) }) // to this process's end
		}
		return v.connected()
	case "report":
		v.pace.Store(int64(o.Every))
		return nil, nil
	case "mark":
		v.mark = time.Now()
		return nil, nil
	case "back":
		return v.back(v.mark), nil
	case "had":
		return v.had(o.Site, o.Number, o.For), nil
	}
	return nil, fmt.Errorf("unknown order %q", o.Do)
}

// backWithin is longer than the longest time between two tries, several times.
const backWithin = 5 * time.Minute

// connected waits for all.
func (v *vsockets) connected() (comeback, error) {
	r := v.back(v.mark)
	if r.All == 0 {
		return r, fmt.Errorf("%d of %d vSockets are connected after %s: %s", r.Back, len(v.all), backWithin, v.problems())
	}
	return r, nil
}

// back waits until all have a session that began later, or for backWithin.
func (v *vsockets) back(than time.Time) (r comeback) {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for r.All == 0 && time.Since(than) < backWithin {
		<-look.C
		r.Back = 0
		for _, one := range v.all {
			if s := one.State(); s.Connected && s.Since.After(than) {
				r.Back++
			}
		}
		for at, count := range map[*float64]int{&r.First: 1, &r.Half: len(v.all) / 2, &r.All: len(v.all)} {
			if *at == 0 && r.Back >= count {
				*at = time.Since(than).Seconds()
			}
		}
	}
	return r
}

// problems are what the vSockets say, each once.
func (v *vsockets) problems() string {
	said := map[string]bool{}
	for _, one := range v.all {
		if s := one.State(); !s.Connected && len(said) < 5 {
			said[s.Problem] = true
		}
	}
	var all []string
	for text := range said {
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// report lets each tell its status, which has changed, once in the pace, evenly
// spread.
func (v *vsockets) report() {
	tick := time.NewTicker(2 * time.Millisecond)
	next, due, last := 0, 0.0, time.Now()
	for now := range tick.C {
		pace := v.pace.Load()
		if pace > 0 {
			due += float64(len(v.all)) * float64(now.Sub(last)) / float64(pace)
		}
		for last = now; due >= 1; due-- {
			v.all[next].Report(v.all[next].next(), true)
			next = (next + 1) % len(v.all)
		}
	}
}

// next is a status other than the one before. It is only called by one goroutine.
func (v *vsocket) next() []byte {
	v.status.Received.Good++
	v.status.Tunnel.Received += 1e6
	text, err := json.Marshal(&v.status)
	if err != nil {
		panic("bench: a status: " + err.Error())
	}
	return text
}

// had waits until a site's vSockets have a generation, and tells when each had it;
// 0: not in time.
func (v *vsockets) had(n int, generation uint64, within time.Duration) []int64 {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(within); ; <-look.C {
		all, missing := []int64{}, false
		for _, one := range v.bySite[n] {
			at := one.had(generation)
			all, missing = append(all, at), missing || at == 0
		}
		if !missing || time.Now().After(end) {
			return all
		}
	}
}
