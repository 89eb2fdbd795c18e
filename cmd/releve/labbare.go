package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// memory is a file that is nowhere: it goes with the process that has it open. Others
// of the same user read it by that process's folder in /proc.
func memory(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("a file for the lab's certificate: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	return file, os.Setenv(memoryVar, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
}

// memoryVar tells the processes inside where the file is outside.
const memoryVar = "RELEVE_LAB_CA"

// inviteBare opens the way into a bare lab, and prints how to set a site up in it.
func inviteBare(ctx context.Context, w *world.World, d *doors) error {
	defer d.ca.Close()
	if _, err := d.ca.Write(w.CA()); err != nil {
		return fmt.Errorf("write the lab's certificate: %w", err)
	}
	code, err := w.Owner().Invite(ctx, "owner")
	if err != nil {
		return fmt.Errorf("add an owner at the manager: %w", err)
	}
	w.OpenGateway(d.ways[doorGateway])
	fmt.Print(guide(w, d.ways[doorGateway].Addr().String(), os.Getenv(memoryVar), code))
	return nil
}

// guide is what to do in another terminal.
func guide(w *world.World, gateway, ca, code string) string {
	name, secret := w.Administrator()
	deploy := func(side site.Side) string {
		primary := ""
		if side == site.Secondary {
			primary = " --primary " + azuresite.VM(site.Primary)
		}
		return fmt.Sprintf("  releve azure deploy --role %s%s --site lab -g %s --network-group %s --vnet %s --name %s --image %s --lan-ip %s",
			side, primary, azuresite.SiteGroup, azuresite.NetworkGroup, azuresite.VNet, azuresite.VM(side), azuresite.Image, azuresite.Addr(side, azuresite.LAN))
	}
	return fmt.Sprintf(`There is an Azure with two resource groups, of which you are Owner, a network and an image, and a manager.
In another terminal:
  export HTTPS_PROXY=http://%s
  export RELEVE_AZURE_ENDPOINT=%s RELEVE_AZURE_CA=%s
  export AZURE_TENANT_ID=%s AZURE_CLIENT_ID=%s AZURE_CLIENT_SECRET=%s
  export AZURE_SUBSCRIPTION_ID=%s
  releve login https://%s --fingerprint %s --code %s
Then set a site up:
  releve site create lab --subnet %s --local-ip %s
%s
  releve socket add-secondary lab --lan-ip %s --floating-ip %s
%s
  releve azure ha -g %s --network-group %s --site lab
A stock image, %s, installs the package from %s

`, gateway, w.Endpoint(), ca, store.DefaultTenant, name, secret, w.Layout().Subscription,
		w.ManagerName(), w.Owner().Fingerprint, code, azuresite.Space, azuresite.Addr(site.Primary, azuresite.LAN), deploy(site.Primary),
		azuresite.Addr(site.Secondary, azuresite.LAN), azuresite.FloatingIP, deploy(site.Secondary), azuresite.SiteGroup, azuresite.NetworkGroup, world.StockImage, w.PackageURL())
}
