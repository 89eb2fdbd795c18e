// Package guest writes what a vSocket's VM is given by whoever sets it up: the
// user data of its first boot, and the scripts of the extension that gives it
// the settings for high availability. It is text alone: nothing is asked, and
// nothing of where it is written shows.
package guest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"releve.dev/releve/site"
)

// Where things are on a vSocket. ConfigFile is the agent's; EnrolFile says where
// the manager is and has the one-time key, until the channel has enrolled with it;
// CAFile is what `ha` gives for `azure.ca_file`, where Azure's endpoint is a private one.
const (
	ConfigFile = "/etc/releve/vsocket.yaml"
	EnrolFile  = "/etc/releve/enrol"
	CAFile     = "/etc/releve/azure-ca.pem"
	BootFile   = "/etc/releve/first-boot"
)

// VM is what a vSocket is told at its first boot: what only this VM knows, without
// high availability, which comes later (CloudInit).
type VM struct {
	Site           string       // its name, for people
	Side           site.Side    // which of the two it is
	WAN, LAN, MGMT netip.Prefix // its NICs' own addresses with the subnets' lengths; the guest finds the interfaces by them
	Probes         []netip.Addr // Internet addresses that answer ping

	Manager  string // HOST:PORT; "": it isn't enrolled
	EnrolKey string // of `releve socket enrol-key`, good once

	Package *Package // nil: the image has it
}

// Package is the .deb for a stock image.
type Package struct {
	URL    string // https, or http: the digest tells
	SHA256 string // in hex
}

// check finds what would make a VM that doesn't come up, or is somebody else's.
func (v *VM) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if text := site.CheckName(v.Site); text != "" {
		wrong("the site's name %q: %s", v.Site, text)
	}
	if v.Side != site.Primary && v.Side != site.Secondary {
		wrong("a vSocket is the primary or the secondary, not %q", v.Side)
	}
	for _, nic := range [...]struct {
		name    string
		address netip.Prefix
	}{{"WAN", v.WAN}, {"LAN", v.LAN}, {"MGMT", v.MGMT}} {
		if !nic.address.IsValid() || !nic.address.Addr().Is4() {
			wrong("the %s NIC's address %q is no IPv4 address with its subnet's length", nic.name, nic.address)
		}
	}
	if len(v.Probes) == 0 {
		wrong("there is no Internet address to ping")
	}
	if (v.Manager == "") != (v.EnrolKey == "") {
		wrong("the manager's address and an enrolment key go together")
	}
	if v.EnrolKey != "" {
		if _, err := site.ParseEnrolKey(v.EnrolKey); err != nil {
			wrong("%w", err)
		}
		if !plain(v.Manager) || !strings.Contains(v.Manager, ":") {
			wrong("the manager %q is no HOST:PORT", v.Manager)
		}
	}
	if v.Package != nil {
		errs = append(errs, v.Package.check())
	}
	return errors.Join(errs...)
}

func (p *Package) check() error {
	var errs []error
	if !plain(p.URL) || !strings.HasPrefix(p.URL, "https://") && !strings.HasPrefix(p.URL, "http://") {
		errs = append(errs, fmt.Errorf("the package's address %q is no URL", p.URL))
	}
	if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != 32 {
		errs = append(errs, fmt.Errorf("the package's SHA-256 %q is not 64 hex digits\nhint: sha256sum FILE prints it", p.SHA256))
	}
	return errors.Join(errs...)
}

// plain: one word of printable ASCII that a shell needn't be told of.
func plain(text string) bool {
	for _, r := range text {
		if r <= ' ' || r > '~' || strings.ContainsRune(`'"\`+"`", r) {
			return false
		}
	}
	return text != ""
}
