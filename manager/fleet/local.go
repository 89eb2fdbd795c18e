package fleet

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/inventory"
)

// tellLocal keeps what the device has said of itself, before it is given anything:
// that may depend on it. What can't be used keeps nobody from his session.
func (s *session) tellLocal(ctx context.Context) error {
	if s.told {
		return nil
	}
	err := s.keepLocal(ctx)
	var refusal *inventory.Refusal
	if errors.As(err, &refusal) || errors.Is(err, errUnusable) {
		s.fleet.c.Log.Warn("what a device tells of itself can't be used", "serial", s.serial, "error", err)
		err = nil
	}
	if s.told = err == nil; s.told {
		s.hello = nil // there are many sessions
	}
	return err
}

var errUnusable = errors.New("not to be used")

func (s *session) keepLocal(ctx context.Context) error {
	if s.isPoP {
		l, err := readLocalPoP(s.hello.GetPop())
		if err != nil {
			return err
		}
		return s.fleet.c.Inventory.PoPTold(ctx, s.serial, l)
	}
	if s.hello.GetLocal() == nil {
		return nil
	}
	l, err := readLocal(s.hello.GetLocal())
	if err != nil {
		return err
	}
	return s.fleet.c.Inventory.Told(ctx, s.serial, l)
}

func readLocal(m *channel.Local) (l inventory.Local, err error) {
	var lan, mgmt, key error
	l.LANIP, lan = readAddr("LAN IP", m.GetLanIp())
	l.MGMTIP, mgmt = readAddr("MGMT IP", m.GetMgmtIp())
	if len(m.GetTunnelKey()) > 0 {
		l.TunnelKey, key = readKey(m.GetTunnelKey())
	}
	return l, errors.Join(lan, mgmt, key)
}

func readLocalPoP(m *channel.LocalPoP) (l inventory.LocalPoP, err error) {
	var endpoint, ports, key, witness error
	l.Endpoint, endpoint = readAddr("endpoint", m.GetEndpoint())
	if p, q := m.GetPrimaryPort(), m.GetSecondaryPort(); p == 0 || q == 0 || p == q || max(p, q) > math.MaxUint16 {
		ports = fmt.Errorf("ports %d and %d: %w", p, q, errUnusable)
	}
	l.PrimaryPort, l.SecondaryPort = uint16(m.GetPrimaryPort()), uint16(m.GetSecondaryPort())
	l.PublicKey, key = readKey(m.GetPublicKey())
	if l.Witness, witness = netip.ParseAddrPort(m.GetWitness()); witness != nil || !l.Witness.Addr().Is4() || l.Witness.Port() == 0 {
		witness = fmt.Errorf("witness %q: %w", m.GetWitness(), errUnusable)
	}
	if !l.Endpoint.IsValid() && endpoint == nil {
		endpoint = fmt.Errorf("no endpoint: %w", errUnusable)
	}
	return l, errors.Join(endpoint, ports, key, witness)
}

// readAddr reads an IPv4 address; "" is none.
func readAddr(what, text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() || a.IsUnspecified() || a.IsMulticast() {
		return netip.Addr{}, fmt.Errorf("%s %q: %w", what, text, errUnusable)
	}
	return a, nil
}

func readKey(raw []byte) (string, error) {
	if len(raw) != 32 || [32]byte(raw) == [32]byte{} {
		return "", fmt.Errorf("a WireGuard key of %d bytes, or of zeros: %w", len(raw), errUnusable)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}
