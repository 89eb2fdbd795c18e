package api

import (
	"context"
	"net/http"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/input"
	"releve.dev/releve/manager/inventory"
)

func (a *API) registerNetworks() {
	set := access.SiteChange
	register(a, operation{id: "set-native", method: http.MethodPatch, path: "/sites/{site}/native", tag: "networks", action: set,
		summary: "Change the native range", about: "The floating IP follows the local IP while high availability is on (E7)."}, a.setNative)
	register(a, operation{id: "add-network", method: http.MethodPost, path: "/sites/{site}/networks", tag: "networks", action: set,
		summary: "Add a routed range", about: "Through the Azure default router, or a third-party appliance in the native range (E8)."}, a.addNetwork)
	register(a, operation{id: "set-network", method: http.MethodPut, path: "/sites/{site}/networks/{network}", tag: "networks", action: set,
		summary: "Replace a routed range"}, a.setNetwork)
	register(a, operation{id: "remove-network", method: http.MethodDelete, path: "/sites/{site}/networks/{network}", tag: "networks", action: set,
		summary: "Remove a routed range"}, a.removeNetwork)
}

func (a *API) setNative(ctx context.Context, c *caller, in *struct {
	Change
	Body client.NativeChange
}) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	var r input.Reader
	n := inventory.NativeChange{Prefix: r.Subnet("subnet", in.Body.Subnet), LocalIP: r.Addr("local_ip", in.Body.LocalIP),
		PrimaryIP: r.Addr("primary_ip", in.Body.PrimaryIP), SecondaryIP: r.Addr("secondary_ip", in.Body.SecondaryIP)}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return answerSite(a.Inventory.SetNative(ctx, c.actor(), in.Site, how, n))
}

// readNetwork makes a range of an input.
func readNetwork(id string, n client.NewNetwork) (inventory.Range, error) {
	var r input.Reader
	made := inventory.Range{ID: id, Name: n.Name, Prefix: r.Subnet("subnet", n.Subnet), Gateway: r.Addr("gateway", n.Gateway)}
	return made, r.Err()
}

func (a *API) addNetwork(ctx context.Context, c *caller, in *struct {
	Change
	Body client.NewNetwork
}) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	r, err := readNetwork("", in.Body)
	if err != nil {
		return nil, err
	}
	return answerSite(a.Inventory.AddRange(ctx, c.actor(), in.Site, how, r))
}

func (a *API) setNetwork(ctx context.Context, c *caller, in *struct {
	Change
	Network string `path:"network" maxLength:"64"`
	Body    client.NewNetwork
}) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	r, err := readNetwork(in.Network, in.Body)
	if err != nil {
		return nil, err
	}
	return answerSite(a.Inventory.SetRange(ctx, c.actor(), in.Site, how, r))
}

func (a *API) removeNetwork(ctx context.Context, c *caller, in *struct {
	Change
	Network string `path:"network" maxLength:"64"`
}) (*oneSite, error) {
	how, err := in.how()
	if err != nil {
		return nil, err
	}
	return answerSite(a.Inventory.RemoveRange(ctx, c.actor(), in.Site, how, in.Network))
}
