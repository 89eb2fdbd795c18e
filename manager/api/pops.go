package api

import (
	"context"
	"net/http"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// PoPID names a PoP.
type PoPID struct {
	PoP string `path:"pop" maxLength:"64"`
}

// onePoP is a PoP as an answer.
type onePoP struct {
	Status int
	Body   client.PoP
}

func (a *API) registerPoPs() {
	read, set := access.SiteRead, access.PoPChange
	register(a, operation{id: "list-pops", method: http.MethodGet, path: "/pops", tag: "pops", action: read,
		summary: "List PoPs", about: "All of the account, in the order of their adding."}, a.listPoPs)
	register(a, operation{id: "add-pop", method: http.MethodPost, path: "/pops", tag: "pops", action: set,
		summary: "Add a PoP", about: "It gets a serial number. Once it has enrolled, sites that name no PoPs use it.", status: http.StatusCreated}, a.addPoP)
	register(a, operation{id: "get-pop", method: http.MethodGet, path: "/pops/{pop}", tag: "pops", action: read,
		summary: "Show a PoP"}, a.pop)
	register(a, operation{id: "pop-enrol-key", method: http.MethodPost, path: "/pops/{pop}/enrol-key", tag: "pops", action: set,
		summary: "Make the key with which a PoP enrols", about: "Shown once; good once, for 24 hours. The key before is good no more."}, a.popKey)
	register(a, operation{id: "remove-pop", method: http.MethodDelete, path: "/pops/{pop}", tag: "pops", action: set,
		summary: "Remove a PoP", about: "One that no site names. Its serial number is void for ever; it serves as it did until it is stopped.", status: http.StatusNoContent}, a.removePoP)
}

func (a *API) listPoPs(ctx context.Context, c *caller, _ *struct{}) (*struct{ Body client.Page[client.PoP] }, error) {
	all, err := a.Inventory.PoPs(ctx, c.actor())
	if err != nil {
		return nil, err
	}
	return answerPage(inventory.List[inventory.PoP]{Items: all}, a.viewPoP), nil
}

func (a *API) addPoP(ctx context.Context, c *caller, in *struct {
	Asked
	Body client.NewPoP
}) (*onePoP, error) {
	p, err := a.Inventory.AddPoP(ctx, c.actor(), in.Body.Name, inventory.Change{DryRun: in.DryRun})
	if err != nil {
		return nil, err
	}
	out := &onePoP{Status: http.StatusCreated, Body: a.viewPoP(p)}
	if in.DryRun {
		out.Status = http.StatusOK
	}
	return out, nil
}

func (a *API) pop(ctx context.Context, c *caller, in *PoPID) (*onePoP, error) {
	p, err := a.Inventory.PoP(ctx, c.actor(), in.PoP)
	if err != nil {
		return nil, err
	}
	return &onePoP{Status: http.StatusOK, Body: a.viewPoP(p)}, nil
}

func (a *API) popKey(ctx context.Context, c *caller, in *struct {
	PoPID
	Key string `header:"Idempotency-Key" maxLength:"200"`
}) (*struct{ Body client.EnrolKey }, error) {
	key, err := a.Inventory.PoPKey(ctx, c.actor(), in.PoP, inventory.Change{})
	return answerKey(c, key, err)
}

func (a *API) removePoP(ctx context.Context, c *caller, in *struct {
	PoPID
	Asked
}) (*nothing, error) {
	return nil, a.Inventory.RemovePoP(ctx, c.actor(), in.PoP, inventory.Change{DryRun: in.DryRun})
}

func (a *API) viewPoP(p inventory.PoP) client.PoP {
	v := client.PoP{ID: p.ID, Name: p.Name, Serial: string(p.Serial), State: string(p.State), Generation: p.Generation,
		Delivered: p.Delivered, Applied: p.Applied, Problem: p.Problem, Endpoint: text(p.Told.Endpoint), PrimaryPort: p.Told.PrimaryPort,
		SecondaryPort: p.Told.SecondaryPort, PublicKey: p.Told.PublicKey, Seen: moment(p.SeenAt), KeyUntil: moment(p.KeyUntil), Created: p.CreatedAt}
	if p.Told.Witness.IsValid() {
		v.Witness = p.Told.Witness.String()
	}
	if p.Version != (site.Version{}) {
		v.Version = p.Version.String()
	}
	d, here := a.Fleet.Device(p.Serial)
	v.Connected = here && d.Connected
	return v
}
