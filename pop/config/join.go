package config

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"releve.dev/releve/channel"
	"releve.dev/releve/settings"
	"releve.dev/releve/tunnel"
)

// Source stands for the manager's half in messages.
const Source = "the manager's settings"

// join adds the manager's sites to those of the file, and its revoked keys
// (docs/decisions/0009-settings-from-the-manager.md). The file's come first, so that
// nothing that the manager says takes a site away that stands there; but a key that is
// void at the manager isn't served from the file either. What can't be read is told
// here; the rest is checked as if the file had it.
func (k *checker) join(s *channel.PoPSettings) (unreadable settings.Problems) {
	for _, m := range s.GetSites() {
		one, err := readSite(m)
		if err != nil {
			unreadable = append(unreadable, settings.Problem{File: Source, Path: siteName(m.GetName()), Text: err.Error()})
			continue
		}
		k.from(sitePath(len(k.config.Sites)), one)
		k.config.Sites = append(k.config.Sites, *one)
	}
	for _, raw := range s.GetRevoked() {
		if len(raw) == len(tunnel.Key{}) {
			k.config.Revoked = append(k.config.Revoked, tunnel.Key(raw))
		}
	}
	return unreadable
}

// from says what of a site there is.
func (k *checker) from(path string, s *Site) {
	paths := []string{"", ".name", ".id", ".ranges"}
	for i := range s.Ranges {
		paths = append(paths, fmt.Sprintf(".ranges[%d]", i))
	}
	for _, side := range sides {
		if s.VSocket(side) != nil {
			v := "." + side.String()
			paths = append(paths, v, v+".public_key", v+".address", v+".witness_key")
		}
	}
	for _, p := range paths {
		k.From(Source, path+p)
	}
}

func siteName(name string) string { return "site " + name }

// named tells a problem by its site's name: the place in a list that nobody has
// written helps nobody.
func named(p settings.Problem, name string, at int) settings.Problem {
	p.Path = siteName(name) + strings.TrimPrefix(p.Path, sitePath(at))
	return p
}

func readSite(m *channel.PoPSite) (*Site, error) {
	if m.GetNumber() > math.MaxUint32 {
		return nil, fmt.Errorf("number %d is too high", m.GetNumber())
	}
	s := &Site{Name: m.GetName(), ID: uint32(m.GetNumber())}
	for _, text := range m.GetRanges() {
		r, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("range %q is none", text)
		}
		s.Ranges = append(s.Ranges, r)
	}
	var err error
	if s.Primary, err = readPeer(m.GetPrimary()); err != nil {
		return nil, fmt.Errorf("primary: %w", err)
	}
	if s.Secondary, err = readPeer(m.GetSecondary()); err != nil {
		return nil, fmt.Errorf("secondary: %w", err)
	}
	return s, nil
}

// readPeer is nil for a vSocket whose key isn't known yet.
func readPeer(m *channel.PoPPeer) (*VSocket, error) {
	if len(m.GetPublicKey()) == 0 {
		return nil, nil
	}
	if len(m.GetPublicKey()) != len(tunnel.Key{}) {
		return nil, fmt.Errorf("a public key of %d bytes", len(m.GetPublicKey()))
	}
	addr, err := netip.ParseAddr(m.GetAddress())
	if err != nil {
		return nil, fmt.Errorf("address %q is none", m.GetAddress())
	}
	return &VSocket{PublicKey: tunnel.Key(m.GetPublicKey()), Address: addr, WitnessKey: settings.KeyText(m.GetWitnessKey())}, nil
}
