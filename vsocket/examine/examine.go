// Package examine gathers what a vSocket sees of itself and of its way to Azure:
// the guest's facts for the doctor. It changes nothing, waits for nobody longer
// than some seconds, and says what it couldn't look at.
package examine

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/azure/imds"
	"releve.dev/releve/doctor"
	"releve.dev/releve/site"
)

// Config is what is looked at.
type Config struct {
	Side       site.Side
	Version    site.Version
	Settings   doctor.Config // what the vSocket's settings say of Azure
	Interfaces []Interface

	Peer netip.Addr // its LAN address; zero: there is none
	PoP  netip.Addr // where the tunnel ends; zero: there is none

	Endpoint string     // of ARM; "": not looked for
	CAFile   string     // certificates to trust for it besides the system's
	From     netip.Addr // address that the agent asks ARM from; zero: the system chooses

	Metadata *imds.Client // nil: not asked
	ARM      *arm.Client  // nil: the identity's rights are not asked for
	Subnet   string       // resource id of the LAN's

	Resolvers string       // file that names the system's DNS servers; "": /etc/resolv.conf
	Public    []netip.Addr // DNS servers that are asked besides
	Sysctls   string       // folder of the kernel's settings; "": /proc/sys

	Status func(context.Context) (*doctor.Status, error) // of the running agent; nil facts: none runs
}

// Interface is one that the vSocket's settings name.
type Interface struct {
	Of, Name string // mgmt, wan, lan
	Want     netip.Prefix
}

// patience bounds the whole: what hasn't answered by then doesn't.
const patience = 20 * time.Second

// look is one examination; its parts run at once and each writes its own fields,
// but for what is unseen.
type look struct {
	Config
	guest *doctor.Guest
	mu    sync.Mutex
}

// Look gathers the facts.
func Look(ctx context.Context, config Config) *doctor.Guest {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if config.Resolvers == "" {
		config.Resolvers = "/etc/resolv.conf"
	}
	if config.Sysctls == "" {
		config.Sysctls = "/proc/sys"
	}
	l := &look{Config: config, guest: &doctor.Guest{Side: config.Side, Version: config.Version, Config: config.Settings}}
	l.interfaces()
	l.forwarding()
	var parts sync.WaitGroup
	for _, part := range []func(context.Context){l.status, l.dns, l.arm, l.paths, l.token, l.rights} {
		parts.Go(func() { part(ctx) })
	}
	parts.Wait()
	return l.guest
}

func (l *look) unseen(what string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guest.Unseen = append(l.guest.Unseen, doctor.Unseen{What: what, Where: "the " + l.Side.String() + "'s guest", Why: err.Error()})
}

func (l *look) status(ctx context.Context) {
	if l.Status == nil {
		return
	}
	status, err := l.Status(ctx)
	if err != nil {
		l.unseen("the agent's status", err)
		return
	}
	l.guest.Status = status
}

func (l *look) interfaces() {
	for _, want := range l.Interfaces {
		x := doctor.Interface{Of: want.Of, Name: want.Name, Want: want.Want}
		device, err := net.InterfaceByName(want.Name)
		if err != nil { // it isn't there: not up
			l.guest.Interfaces = append(l.guest.Interfaces, x)
			continue
		}
		x.Up, x.MTU = device.Flags&net.FlagUp != 0 && device.Flags&net.FlagRunning != 0, device.MTU
		addrs, err := device.Addrs()
		if err != nil {
			l.unseen("the addresses of "+want.Name, err)
		}
		for _, addr := range addrs {
			if p, err := netip.ParsePrefix(addr.String()); err == nil && p.Addr().Is4() {
				x.Have = append(x.Have, p)
			}
		}
		l.guest.Interfaces = append(l.guest.Interfaces, x)
	}
}

// interfaceOf is the purpose of the interface that has an address, else its name.
func (l *look) interfaceOf(addr netip.Addr) string {
	for i := range l.guest.Interfaces {
		if l.guest.Interfaces[i].Has(addr) {
			return l.guest.Interfaces[i].Of
		}
	}
	all, _ := net.Interfaces() // a stranger's name only helps
	for _, device := range all {
		addrs, _ := device.Addrs()
		if slices.ContainsFunc(addrs, func(a net.Addr) bool {
			p, err := netip.ParsePrefix(a.String())
			return err == nil && p.Addr() == addr
		}) {
			return device.Name
		}
	}
	return ""
}

// named is the interface of a purpose; "" if the settings name none.
func (l *look) named(of string) string {
	for _, x := range l.Interfaces {
		if x.Of == of {
			return x.Name
		}
	}
	return ""
}
