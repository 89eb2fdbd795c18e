package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
)

// vias are the source's names of the ways out (F4), and the tunnel.
var vias = []string{"LAN1", "WAN1", "MGMT", "tunnel"}

// wayOut is the guest's interface for a name of vias, in any case and with or
// without its number.
func wayOut(cfg *config.Config, via string) (string, error) {
	if via == "" {
		return "", terminal.Usage(errors.New("ping wants --via LAN1, WAN1, MGMT or tunnel"))
	}
	i := slices.IndexFunc(vias, func(v string) bool {
		return strings.EqualFold(v, via) || strings.EqualFold(strings.TrimSuffix(v, "1"), via)
	})
	switch i {
	case 0:
		return nameOf(cfg.Interfaces.LAN)
	case 1:
		return nameOf(cfg.Interfaces.WAN)
	case 2:
		return nameOf(cfg.Interfaces.MGMT)
	case 3:
		cloud := config.DefaultCloud() // the manager may give it, under the file's name or this one
		if cfg.Cloud != nil {
			cloud = *cfg.Cloud
		}
		return cloud.Device, nil
	}
	return "", terminal.Usage(fmt.Errorf("--via: %q is neither LAN1, WAN1, MGMT nor tunnel", via))
}
