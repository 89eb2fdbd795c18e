package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/nics"
)

// unnamed are the interfaces that a file leaves to be found by their addresses.
func unnamed(in *config.Interfaces) (list []*config.Interface, addrs []netip.Addr) {
	for _, iface := range [...]*config.Interface{&in.WAN, &in.LAN, &in.MGMT} {
		if iface.Name == "" {
			list, addrs = append(list, iface), append(addrs, iface.Address.Addr())
		}
	}
	return list, addrs
}

// awaitNames gives them the names that they have, as soon as all are there.
func awaitNames(ctx context.Context, in *config.Interfaces, tell func(error)) error {
	list, addrs := unnamed(in)
	names, err := nics.Await(ctx, tell, addrs...)
	if err != nil {
		return err
	}
	for i, iface := range list {
		iface.Name = names[i]
	}
	if in.WAN.Name == in.LAN.Name || in.WAN.Name == in.MGMT.Name || in.LAN.Name == in.MGMT.Name {
		return fmt.Errorf("the interfaces are WAN %q, LAN %q and MGMT %q: each needs one of its own\nhint: compare `interfaces` in the config with `ip address`",
			in.WAN.Name, in.LAN.Name, in.MGMT.Name)
	}
	return nil
}

// await waits for the interfaces, and says so to who asks for the status; false: it
// was told to end meanwhile.
func (u *unit) await(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = awaitNames(ctx, &u.cfg.Interfaces, func(absent error) {
			slog.Warn("waiting for an interface", "reason", absent)
			u.door.wait(fmt.Errorf("the agent waits for its interfaces: %w", absent))
		})
	}()
	select {
	case <-done:
		if errors.Is(err, context.Canceled) {
			return false, nil
		}
		u.door.wait(errStarting)
		return err == nil, err
	case <-u.door.stop:
		cancel()
		<-done
		return false, nil
	}
}

// nameOf is an interface's name, which its address may have to tell.
func nameOf(iface config.Interface) (string, error) {
	if iface.Name != "" {
		return iface.Name, nil
	}
	names, err := nics.Find(iface.Address.Addr())
	if err != nil {
		return "", err
	}
	return names[0], nil
}
