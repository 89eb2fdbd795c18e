package world

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/journal"
)

// vsocketConfig is the name of a vSocket's configuration, in its folder.
const vsocketConfig = "vsocket.yaml"

// newVSocket makes a vSocket's program, which isn't started.
func (w *World) newVSocket(node string) (*program, error) {
	return w.newProgram(node, vsocketConfig, w.opt.Agent)
}

// startAgents writes both configurations and starts both programs.
func (w *World) startAgents() error {
	for _, node := range vsockets {
		p, err := w.newVSocket(node)
		if err != nil {
			return err
		}
		p.before = w.opt.Before
		if err := w.writeConfig(node, !w.opt.WithoutHA); err != nil {
			return err
		}
	}
	if w.opt.Managed {
		return w.startManaged()
	}
	for _, node := range vsockets {
		if err := w.programs[node].run(); err != nil {
			return err
		}
	}
	return nil
}

// newKey is a secret.
func newKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(key)
}

// config is what a vSocket runs from.
func (w *World) config(side site.Side, withHA bool) config.Config {
	c := config.Default()
	peer := side.Peer()
	c.Site, c.Side = labSite, side
	c.StateDir, c.RunDir = w.stateDir(side.String()), w.runDir(side.String())
	own := func(iface string) config.Interface {
		return config.Interface{Name: iface, Address: netip.PrefixFrom(azuresite.Addr(side, iface), azuresite.Prefixes[iface].Bits())}
	}
	c.Interfaces = config.Interfaces{WAN: own(azuresite.WAN), LAN: own(azuresite.LAN), MGMT: own(azuresite.MGMT)}
	c.Egress = config.EgressNAT
	if w.opt.Cloud {
		c.Egress, c.Cloud = config.EgressTunnel, w.cloud.of(side.String())
		if w.opt.Managed {
			w.cloud.blank(c.Cloud)
		}
	}
	c.Probes.WAN = []netip.Addr{azuresite.InternetAddr}
	if w.opt.Probe != 0 {
		c.Probes.Interval = w.opt.Probe
	}
	switch {
	case w.opt.Managed: // the file has what only the VM knows
	case withHA:
		c.HA = w.haSettings(peer)
	default:
		return c
	}
	ref := func(name string) config.Ref { return config.Ref{Group: azuresite.SiteGroup, Name: name} }
	c.Azure = &config.Azure{
		Endpoint: w.endpoint(), CAFile: w.caFile(), IMDS: "http://" + imdsAddr, ClientID: w.client,
		Subscription: w.layout.Subscription, Location: azuresite.Location,
		NIC:     ref(azuresite.NIC(azuresite.VM(side), azuresite.LAN)),
		PeerNIC: ref(azuresite.NIC(azuresite.VM(peer), azuresite.LAN)), PeerVM: ref(azuresite.VM(peer)),
		Subnet: config.Subnet{Group: azuresite.NetworkGroup, VNet: azuresite.VNet, Name: azuresite.LAN},
	}
	return c
}

func (w *World) haSettings(peer site.Side) *config.HA {
	ha := &config.HA{
		Peer:       config.Peer{LAN: azuresite.Addr(peer, azuresite.LAN), MGMT: azuresite.Addr(peer, azuresite.MGMT)},
		FloatingIP: azuresite.FloatingIP, Key: w.key, Generation: 1,
		Keepalive: 50 * time.Millisecond, Silent: 200 * time.Millisecond, Confirm: time.Second,
		Third: w.opt.Third, Preempt: config.PreemptOn, Hold: 10 * time.Second, Alone: config.AloneStay,
	}
	set := func(to *time.Duration, d time.Duration) {
		if d != 0 {
			*to = d
		}
	}
	set(&ha.Keepalive, w.opt.Keepalive)
	set(&ha.Silent, w.opt.Silent)
	set(&ha.Hold, w.opt.Hold)
	ha.Lease = max(ha.Silent, 3*ha.Keepalive)
	set(&ha.Lease, w.opt.Lease)
	if w.opt.Confirm != nil {
		ha.Confirm = *w.opt.Confirm
	}
	return ha
}

// configText is a vSocket's file. It is refused here if the agent would refuse it.
func (w *World) configText(side site.Side, withHA bool) ([]byte, error) {
	return checkedText(side.String(), w.config(side, withHA))
}

func checkedText(node string, c config.Config) ([]byte, error) {
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write the configuration of %s: %w", node, err)
	}
	if _, err := config.Parse(node+".yaml", text); err != nil {
		return nil, fmt.Errorf("the vSockets refuse these settings: %w", err)
	}
	return text, nil
}

func (w *World) writeConfig(node string, withHA bool) error {
	text, err := w.configText(w.side(node), withHA)
	if err != nil {
		return err
	}
	return w.programs[node].write(text)
}

// Pid is the process id of a vSocket's agent, 0 if it isn't running.
func (w *World) Pid(node string) int {
	p := w.programs[node]
	if p == nil {
		return 0
	}
	return p.pid()
}

// Journal is the timeline that a vSocket has written so far.
func (w *World) Journal(node string) []site.Entry {
	if w.programs[node] == nil && w.guestOf(node) == nil {
		return nil
	}
	entries, err := journal.Read(filepath.Join(w.stateDir(node), "journal"), time.Time{})
	if err != nil && !os.IsNotExist(err) {
		w.log.Warn("journal not read", "node", node, "error", err)
	}
	return entries
}
