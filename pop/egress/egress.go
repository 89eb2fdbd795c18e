// Package egress is the PoP's rules for packets, one nftables table: which way a
// site's traffic may come up (the fence), what of it leaves masqueraded, and what
// of the PoP itself is reached from inside the tunnels.
//
// WireGuard drops a packet whose source isn't its sender's. The fence drops one
// that comes by the wrong side: what a deposed vSocket still sends is dropped here
// whatever that vSocket believes (docs/decisions/0006). It looks at each packet,
// before any state of a connection. Between two sites there is no NAT.
//
// Connections are tracked by address alone, not by tunnel: they outlive a change
// of sides, and nothing ever flushes them.
package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/site"
)

// Config names the interfaces. They need not be there yet.
type Config struct {
	Uplink             string
	Primary, Secondary string // the tunnels' devices
	Witness            netip.AddrPort
}

// Egress is the table. Its methods may be called from any goroutine.
type Egress struct {
	cfg     Config
	mu      sync.Mutex
	conn    *nftables.Conn
	table   *nftables.Table
	devices *nftables.Set // the two
	ways    *nftables.Set // they and the uplink
	up      map[site.Side]*nftables.Set
}

// Ranges are the sources that may come up by each side's device.
type Ranges map[site.Side][]netip.Prefix

// The table and its parts, as `nft list ruleset` shows them.
const (
	tableName = "releve-pop"

	fencedPrimary   = "fenced_primary"   // by the primaries' device, from a source that isn't to come by it
	fencedSecondary = "fenced_secondary" // the same for the secondaries'
	misdirected     = "misdirected"      // from a site to what is neither a site nor the Internet
	unsolicited     = "unsolicited"      // from outside to a site, and of no flow that the site began
	refused         = "refused"          // from inside a tunnel to the PoP itself
)

var counters = []string{fencedPrimary, fencedSecondary, misdirected, unsolicited, refused}

// sendBuffer holds a transaction with the ranges of some ten thousand sites.
const sendBuffer = 4 << 20

// Open makes the table anew, with nothing allowed to come up.
func Open(cfg Config) (*Egress, error) {
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error {
		return c.SetWriteBuffer(sendBuffer)
	}))
	if err != nil {
		return nil, denied(err)
	}
	e := &Egress{cfg: cfg, conn: conn}
	e.build()
	if err := conn.Flush(); err != nil {
		return nil, errors.Join(denied(err), conn.CloseLasting())
	}
	return e, nil
}

func denied(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("nftables: %w\nhint: run as root or with CAP_NET_ADMIN", err)
	}
	return fmt.Errorf("nftables: %w\nhint: the kernel needs nf_tables, nf_nat and nf_conntrack", err)
}

// Change adds and takes away sources, in one transaction. A range that is taken
// away must be there.
func (e *Egress) Change(add, remove Ranges) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.queue(remove, e.conn.SetDeleteElements)
	if err == nil {
		err = e.queue(add, e.conn.SetAddElements)
	}
	return e.commit(err)
}

// Replace allows these sources and no others, in one transaction.
func (e *Egress) Replace(all Ranges) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, set := range e.up {
		e.conn.FlushSet(set)
	}
	return e.commit(e.queue(all, e.conn.SetAddElements))
}

// commit sends what is queued. If queuing failed there is nothing of use in it;
// nftables takes all of a transaction or nothing.
func (e *Egress) commit(err error) error {
	if err == nil {
		err = e.conn.Flush()
	}
	if err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	return nil
}

// chunk keeps a list of elements within the 64 KiB of a netlink attribute.
const chunk = 500

func (e *Egress) queue(ranges Ranges, call func(*nftables.Set, []nftables.SetElement) error) error {
	for side, list := range ranges {
		for len(list) > 0 {
			n := min(len(list), chunk)
			if err := call(e.up[side], intervals(list[:n])); err != nil {
				return err
			}
			list = list[n:]
		}
	}
	return nil
}

// intervals are ranges as the kernel has them: from, and up to but not including.
func intervals(ranges []netip.Prefix) []nftables.SetElement {
	elements := make([]nftables.SetElement, 0, 2*len(ranges))
	for _, r := range ranges {
		first := r.Masked().Addr().As4()
		last := first
		for i := r.Bits(); i < 32; i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
		elements = append(elements, nftables.SetElement{Key: first[:]},
			nftables.SetElement{Key: netip.AddrFrom4(last).Next().AsSlice(), IntervalEnd: true})
	}
	return elements
}

// Dropped counts packets since the PoP's start.
type Dropped struct {
	Fenced      map[site.Side]uint64 `json:"fenced"`      // came by a side that their site isn't to come by, or from no site
	Misdirected uint64               `json:"misdirected"` // to an inside address, or to a network of the PoP's
	Unsolicited uint64               `json:"unsolicited"` // from outside to a site, of no flow that the site began
	Refused     uint64               `json:"refused"`     // from inside a tunnel to the PoP itself
}

// Dropped reads the counters.
func (e *Egress) Dropped() (Dropped, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	objects, err := e.conn.GetObj(&nftables.CounterObj{Table: e.table})
	if err != nil {
		return Dropped{}, fmt.Errorf("fence: read its counters: %w", err)
	}
	count := map[string]uint64{}
	for _, o := range objects {
		if c, ok := o.(*nftables.CounterObj); ok {
			count[c.Name] = c.Packets
		}
	}
	return Dropped{
		Fenced:      map[site.Side]uint64{site.Primary: count[fencedPrimary], site.Secondary: count[fencedSecondary]},
		Misdirected: count[misdirected], Unsolicited: count[unsolicited], Refused: count[refused],
	}, nil
}

// Close takes the table away.
func (e *Egress) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conn.DelTable(e.table)
	err := e.commit(nil)
	return errors.Join(err, e.conn.CloseLasting())
}
