// Package join joins the two halves of a vSocket's settings: what only the VM
// knows, which is its file, and what the site decides, which is the manager's
// (docs/decisions/0009). The same file, settings and key always give the same
// config, which is checked like one that is all in a file; or the reason why they
// don't fit together, and then nothing of the settings counts.
//
// What the settings leave empty stays as the file has it: a vSocket with `ha` in
// its file keeps that while the manager has no HA settings for it.
//
// HA settings may come before what they need: the file's part, which `releve azure
// ha` writes, or the other vSocket, which hasn't enrolled yet. They wait then, and all
// else counts: a vSocket that is set up needs its tunnel before it can be one of two.
package join

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/settings"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
	"releve.dev/releve/vsocket/config"
)

// Source stands for the manager's half in messages.
const Source = "the manager's settings"

// keySource stands for the key that the vSocket has made.
const keySource = "this vSocket's own key"

// Join joins. name stands for the file in messages, and data is what it has. own is
// the vSocket's WireGuard key, for a file without one. Without settings (nil) the
// file is all. waits says why the config has no HA though the settings do; empty: it
// has all of them. The error is settings.Problems.
func Join(name string, data []byte, s *contract.Settings, own tunnel.Key) (c *config.Config, waits string, err error) {
	c, err = config.ParseWith(name, data, func(c *config.Config, b *settings.Binding) {
		l := &layer{Config: c, b: b}
		if s != nil {
			l.all(s)
		}
		if c.Cloud != nil && !b.Given("cloud.private_key") {
			b.Lay(keySource, "cloud.private_key", &c.Cloud.PrivateKey, own.String())
		}
		waits = l.waits
	})
	return c, waits, err
}

// layer lays settings over a file.
type layer struct {
	*config.Config
	b     *settings.Binding
	waits string
}

func (l *layer) lay(path string, into any, text string) { l.b.Lay(Source, path, into, text) }

func (l *layer) all(s *contract.Settings) {
	l.lay("site", &l.Site, s.GetSite())
	l.identity(s)
	if s.GetCloud() != nil {
		l.cloud(s.GetCloud())
	}
	if s.GetHa() == nil {
		return
	}
	if l.waits = l.lacks(s.GetHa()); l.waits != "" {
		return
	}
	l.ha(s.GetHa())
	l.lay("ha.generation", &l.HA.Generation, strconv.FormatUint(s.GetGeneration(), 10))
}

// lacks says what HA settings need and will be given by others. A file with `ha` of
// its own is the person's to put right.
func (l *layer) lacks(s *contract.HA) string {
	switch {
	case l.HA != nil || l.b.Given("ha"):
		return ""
	case l.Azure == nil && !l.b.Given("azure"):
		return "HA waits for the section azure in this vSocket's file: without it nobody can move the floating IP" +
			"\nhint: releve azure ha writes it"
	case s.GetPeerMgmt() == "":
		return "HA waits for the other vSocket, which hasn't told its management address yet" +
			"\nhint: enrol it"
	}
	return ""
}

// identity refuses settings that are another machine's.
func (l *layer) identity(s *contract.Settings) {
	sides := map[contract.Settings_Side]site.Side{contract.Settings_PRIMARY: site.Primary, contract.Settings_SECONDARY: site.Secondary}
	if side, said := sides[s.GetSide()]; said && l.b.Given("side") && side != l.Side {
		l.b.Fail("side", "", "is %s, and the manager says %s", l.Side, side)
	}
	own := l.Interfaces.LAN.Address
	if text := s.GetLanIp(); text != "" && own.IsValid() && text != own.Addr().String() {
		l.b.Fail("interfaces.lan.address", "put it right at the manager, or here",
			"is %s, and the manager says %s", own.Addr(), text)
	}
}

func (l *layer) ha(s *contract.HA) {
	if l.HA == nil {
		ha := config.DefaultHA()
		l.HA = &ha
		l.b.From(Source, "ha")
		l.b.From(Source, "ha.peer")
	}
	ha := l.HA
	l.lay("ha.floating_ip", &ha.FloatingIP, s.GetFloatingIp())
	l.lay("ha.peer.lan", &ha.Peer.LAN, s.GetPeerLan())
	l.lay("ha.peer.mgmt", &ha.Peer.MGMT, s.GetPeerMgmt())
	l.lay("ha.key", &ha.Key, base64.StdEncoding.EncodeToString(s.GetKey()))
	l.lay("ha.third", &ha.Third, s.GetThird())
	l.lay("ha.keepalive", &ha.Keepalive, milliseconds(s.GetKeepaliveMs()))
	l.lay("ha.silent", &ha.Silent, milliseconds(s.GetSilentMs()))
	l.lay("ha.lease", &ha.Lease, milliseconds(s.GetLeaseMs()))
	l.lay("ha.confirm", &ha.Confirm, milliseconds(s.GetConfirmMs()))
	l.lay("ha.hold", &ha.Hold, milliseconds(s.GetHoldMs()))
	l.lay("ha.preempt", &ha.Preempt, s.GetPreempt())
	l.lay("ha.alone", &ha.Alone, s.GetAlone())
}

// milliseconds is "" for 0, which is left to the vSocket.
func milliseconds(ms uint32) string {
	if ms == 0 {
		return ""
	}
	return (time.Duration(ms) * time.Millisecond).String()
}

func (l *layer) cloud(s *contract.Cloud) {
	if l.Cloud == nil {
		cloud := config.DefaultCloud()
		l.Cloud = &cloud
		l.b.From(Source, "cloud")
	}
	cloud := l.Cloud
	if s.GetSiteNumber() != 0 {
		l.lay("cloud.site_id", &cloud.SiteID, strconv.FormatUint(s.GetSiteNumber(), 10))
	}
	l.lay("cloud.address", &cloud.Address, s.GetAddress())
	l.lay("cloud.witness_key", &cloud.WitnessKey, base64.StdEncoding.EncodeToString(s.GetWitnessKey()))
	if len(s.GetPops()) == 0 {
		return
	}
	l.b.From(Source, "cloud.pops")
	cloud.PoPs = make([]config.PoP, len(s.GetPops()))
	for i, pop := range s.GetPops() {
		at := fmt.Sprintf("cloud.pops[%d]", i)
		l.b.From(Source, at)
		l.lay(at+".name", &cloud.PoPs[i].Name, pop.GetName())
		l.lay(at+".endpoint", &cloud.PoPs[i].Endpoint, pop.GetEndpoint())
		l.lay(at+".public_key", &cloud.PoPs[i].PublicKey, base64.StdEncoding.EncodeToString(pop.GetPublicKey()))
		l.lay(at+".witness", &cloud.PoPs[i].Witness, pop.GetWitness())
	}
}

// Local is what of this vSocket others must be told (Hello).
func Local(c *config.Config, own tunnel.Key) *contract.Local {
	if c.Cloud != nil {
		own = tunnel.Key(c.Cloud.PrivateKeyBytes())
	}
	public := own.Public()
	return &contract.Local{LanIp: address(c.Interfaces.LAN.Address), MgmtIp: address(c.Interfaces.MGMT.Address), TunnelKey: public[:]}
}

func address(p netip.Prefix) string { return p.Addr().String() }
