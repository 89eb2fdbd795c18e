package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/guest"
	"releve.dev/releve/site"
)

// managedSocket is the vSocket at the manager, or what somebody gave of it.
type managedSocket struct {
	client   *client.Client // nil: nobody asks the manager
	address  string         // HOST:PORT; "": there is no manager
	serial   string
	enrolKey string // given by hand
	lan      netip.Addr
	floating netip.Addr
}

// find looks the vSocket up at the manager, unless its key was given by hand or
// the site has none.
func (m *managedSocket) find(ctx context.Context, d *deployment, name string, answers map[string]string) error {
	if d.unmanaged {
		return nil
	}
	if key := answers["enrol-key"]; key != "" {
		parsed, err := site.ParseEnrolKey(key)
		if err != nil {
			return err
		}
		if answers["manager"] == "" {
			return errors.New("with --enrol-key the manager's address is needed\nhint: give --manager HOST:PORT")
		}
		m.address, m.serial, m.enrolKey = answers["manager"], string(parsed.Serial), key
		return nil
	}
	saved, err := client.Load()
	if err != nil {
		return fmt.Errorf("the site's serial numbers are the manager's: %w; or give --manager and --enrol-key, or --unmanaged", err)
	}
	if m.client, err = saved.Client(); err != nil {
		return err
	}
	if m.address, err = hostPort(saved.Address); err != nil {
		return err
	}
	s, err := findSite(ctx, m.client, name)
	if err != nil {
		return err
	}
	socket := &s.Primary
	if d.vsocket.Side == site.Secondary {
		if socket = s.Secondary; socket == nil {
			return fmt.Errorf("site %s has no secondary\nhint: releve socket add-secondary %s --lan-ip … --floating-ip …", s.Name, s.Name)
		}
	}
	m.serial = socket.Serial
	m.lan, _ = netip.ParseAddr(socket.LANIP) // the manager has checked it
	if s.HA != nil {
		m.floating, _ = netip.ParseAddr(s.HA.FloatingIP)
	}
	return nil
}

// hostPort is where vSockets reach the manager: its one port.
func hostPort(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("the manager's address %q is no URL\nhint: log in again", address)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// key gives the VM what it enrols with.
func (m *managedSocket) key(ctx context.Context, v *guest.VM) error {
	v.Manager, v.EnrolKey = m.address, m.enrolKey
	if m.client == nil {
		return nil
	}
	made, err := m.client.EnrolKey(ctx, m.serial)
	v.EnrolKey = made.Key
	return err
}

// enrolWithin bounds the first boot: updates, and the package's download.
const enrolWithin = 20 * time.Minute

// await waits until the vSocket is registered.
func (m *managedSocket) await(ctx context.Context) error {
	return account.Await(ctx, m.serial+" to enrol at the manager", 5*time.Second, enrolWithin, func(ctx context.Context) (bool, error) {
		s, err := m.client.Socket(ctx, m.serial)
		return s.State == "registered", err
	})
}
