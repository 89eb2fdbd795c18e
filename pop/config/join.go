package config

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/channel"
	"releve.dev/releve/settings"
	"releve.dev/releve/tunnel"
)

// Source stands for the manager's half in messages.
const Source = "the manager's settings"

// Join adds the manager's sites to those of a file that was loaded, which is left as
// it is (docs/decisions/0009-settings-from-the-manager.md). The file's come first, so
// that nothing that the manager says takes a site away that stands there; a key that
// is void at the manager isn't served from the file either. All is checked as if it
// were one file; refused says what isn't served, of the manager's sites and by its
// revoked keys.
func Join(file *Config, s *channel.PoPSettings) (c *Config, refused settings.Problems, err error) {
	both := *file
	both.Sites, both.Revoked = slices.Clone(file.Sites), slices.Clone(file.Revoked)
	for _, m := range s.GetSites() {
		one, err := readSite(m)
		if err != nil {
			refused = append(refused, settings.Problem{File: Source, Path: siteName(m.GetName()), Text: err.Error()})
			continue
		}
		both.Sites = append(both.Sites, *one)
	}
	for _, raw := range s.GetRevoked() {
		if len(raw) == len(tunnel.Key{}) {
			both.Revoked = append(both.Revoked, tunnel.Key(raw))
		}
	}
	text, err := yaml.Marshal(&both)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", Source, err)
	}
	c, wrong, err := parse(Source, text, true)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range wrong {
		refused = append(refused, named(p, both.Sites))
	}
	return c, refused, nil
}

func siteName(name string) string { return "site " + name }

// named tells a problem by its site's name: the place in a list that nobody has
// written helps nobody.
func named(p settings.Problem, sites []Site) settings.Problem {
	inner, cut := strings.CutPrefix(p.Path, "sites[")
	at, rest, whole := strings.Cut(inner, "]")
	i, err := strconv.Atoi(at)
	p.Line = 0
	if cut && whole && err == nil && i < len(sites) {
		p.Path = siteName(sites[i].Name) + rest
	}
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
