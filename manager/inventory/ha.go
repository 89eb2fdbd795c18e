package inventory

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"time"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// Secondary is what "Add secondary socket" asks for (E3).
type Secondary struct {
	LANIP      netip.Addr
	FloatingIP netip.Addr
}

// AddSecondary gives a site its second vSocket, with a serial number, and turns
// high availability on: the native range's local IP becomes the floating IP
// (E3–E5).
func (s *Service) AddSecondary(ctx context.Context, a Actor, id string, c Change, n Secondary) (Site, error) {
	return s.change(ctx, a, id, c, "socket.add-secondary", func(ctx context.Context, e *editing) error {
		if e.secondary != nil {
			return &Refusal{Kind: NotNow, Message: fmt.Sprintf("site %q has a secondary vSocket, %s", e.name, e.secondary.Serial),
				Remedy: "unassign it first, to put another in its place"}
		}
		if r := e.whyNoSecondary(); r != nil {
			return r
		}
		if r := n.incomplete(); r != nil {
			return r
		}
		second, err := e.makeVSocket(ctx, site.Secondary)
		if err != nil {
			return err
		}
		e.secondary, e.secondaryIP, e.floatingIP, e.key = &second, n.LANIP, n.FloatingIP, newKey()
		return nil
	})
}

// newKey makes a secret: of a pair's keepalives, a new one for each pair, since a
// vSocket whose serial number is void knows the one before; of a vSocket's talk with
// witnesses.
func newKey() string {
	var key [32]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(key[:])
}

// incomplete says what wasn't answered.
func (n Secondary) incomplete() *Refusal {
	switch {
	case !n.LANIP.IsValid():
		return &Refusal{Kind: Invalid, Field: "secondary_ip", Message: "LAN IP of the secondary is missing"}
	case !n.FloatingIP.IsValid():
		return &Refusal{Kind: Invalid, Field: "floating_ip", Message: "floating IP is missing"}
	}
	return nil
}

// whyNoSecondary says why "Add secondary socket" isn't offered: the primary must
// have been seen, with a version that can do high availability (E2, C1).
func (d draft) whyNoSecondary() *Refusal {
	switch {
	case d.primary.SeenAt.IsZero():
		return &Refusal{Kind: NotNow, Message: fmt.Sprintf("the primary vSocket %s has never been seen", d.primary.Serial),
			Remedy: "deploy and enrol it; a secondary can be added once it has connected"}
	case !d.primary.Version.AtLeast(site.HAVersion):
		return &Refusal{Kind: NotNow, Message: fmt.Sprintf("the primary vSocket %s runs version %s; high availability needs %s or higher", d.primary.Serial, d.primary.Version, site.HAVersion),
			Remedy: "upgrade the primary"}
	}
	return nil
}

// HAChange is what SetHA changes (E7): of the addresses a zero one stays as it is,
// of the settings a nil one. A setting of 0 or "" is left to the vSocket.
type HAChange struct {
	FloatingIP, PrimaryIP, SecondaryIP      netip.Addr
	Keepalive, Silent, Lease, Confirm, Hold *time.Duration
	Preempt, Alone, Third                   *string
}

// SetHA changes the high-availability section (E7).
func (s *Service) SetHA(ctx context.Context, a Actor, id string, c Change, h HAChange) (Site, error) {
	return s.change(ctx, a, id, c, "ha.set", func(_ context.Context, e *editing) error {
		if e.secondary == nil {
			return haIsOff(e, "")
		}
		replace(&e.floatingIP, h.FloatingIP)
		replace(&e.primaryIP, h.PrimaryIP)
		replace(&e.secondaryIP, h.SecondaryIP)
		h.settings(&e.ha)
		return nil
	})
}

func (h HAChange) settings(to *site.HASettings) {
	set(&to.Keepalive, h.Keepalive)
	set(&to.Silent, h.Silent)
	set(&to.Lease, h.Lease)
	set(&to.Confirm, h.Confirm)
	set(&to.Hold, h.Hold)
	set(&to.Preempt, h.Preempt)
	set(&to.Alone, h.Alone)
	set(&to.Third, h.Third)
}

func set[T any](value, by *T) {
	if by != nil {
		*value = *by
	}
}

func haIsOff(e *editing, field string) *Refusal {
	return &Refusal{Kind: NotNow, Field: field, Message: fmt.Sprintf("site %q has no secondary vSocket: high availability is off", e.name),
		Remedy: "add a secondary vSocket first"}
}

// Unassign takes the secondary away for ever (E9): its serial number is void,
// high availability is off, and the native range's local IP is the primary's LAN
// IP again.
func (s *Service) Unassign(ctx context.Context, a Actor, id string, c Change) (Site, error) {
	return s.change(ctx, a, id, c, "socket.unassign", func(ctx context.Context, e *editing) error {
		if e.secondary == nil {
			return haIsOff(e, "")
		}
		if err := e.voidSerial(ctx, e.secondary.Serial); err != nil {
			return err
		}
		e.secondary, e.secondaryIP, e.floatingIP, e.key = nil, netip.Addr{}, netip.Addr{}, ""
		e.ha = site.HASettings{}
		return nil
	})
}

// ReplacePrimary gives the primary a new serial number, for a machine in the
// place of one that was lost; the old number is void. High availability stays on.
// (A secondary is replaced by Unassign and AddSecondary: E10.)
func (s *Service) ReplacePrimary(ctx context.Context, a Actor, id string, c Change) (Site, error) {
	return s.change(ctx, a, id, c, "socket.replace-primary", func(ctx context.Context, e *editing) error {
		if err := e.voidSerial(ctx, e.primary.Serial); err != nil {
			return err
		}
		first, err := e.makeVSocket(ctx, site.Primary)
		if err != nil {
			return err
		}
		e.primary = first
		if e.secondary != nil {
			e.key = newKey()
		}
		return nil
	})
}

// makeVSocket draws a serial number that never was, and keeps it.
func (e *editing) makeVSocket(ctx context.Context, side site.Side) (VSocket, error) {
	serial, err := drawSerial(ctx, e.q)
	if err != nil {
		return VSocket{}, err
	}
	now, key := e.service.clock(), newKey()
	err = e.q.InsertVSocket(ctx, query.InsertVSocketParams{
		Serial: string(serial), AccountID: e.account, SiteID: e.id, Side: side.String(), CreatedAt: now.UnixMilli(), WitnessKey: key})
	if err != nil {
		return VSocket{}, fmt.Errorf("writing vSocket %s: %w", serial, err)
	}
	return VSocket{Serial: serial, Site: e.id, Side: side, State: StateNew, CreatedAt: now, witnessKey: key}, nil
}

func (e *editing) voidSerial(ctx context.Context, serial site.Serial) error {
	n, err := e.q.VoidVSocket(ctx, query.VoidVSocketParams{VoidedAt: e.service.clock().UnixMilli(), Serial: string(serial), AccountID: e.account})
	if err != nil || n != 1 {
		return fmt.Errorf("voiding %s (%d rows): %w", serial, n, err)
	}
	e.void = append(e.void, serial)
	return nil
}
