package pages

import (
	"net/netip"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
)

// localIPName is the local IP's name: it is the floating IP while high availability
// is on (E5).
func localIPName(f *Frame, s inventory.Site) string {
	if s.HA != nil {
		return f.T("ha.fip")
	}
	return f.T("native.local")
}

// routerOf is the Azure default router: the first host address of a subnet (E8).
func routerOf(native netip.Prefix) netip.Addr { return native.Masked().Addr().Next() }

func nextHop(f *Frame, s inventory.Site, r inventory.Range) string {
	if r.Gateway.IsValid() {
		return f.T("effective.appliance", r.Gateway)
	}
	return f.T("effective.router", routerOf(s.Native.Prefix))
}

func connectionLook(c status.Connection) string {
	switch c {
	case status.Up, status.Plain:
		return "ok"
	case status.Down:
		return "bad"
	}
	return "idle"
}
