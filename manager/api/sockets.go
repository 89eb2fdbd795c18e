package api

import (
	"context"
	"net/http"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// Serial names a vSocket.
type Serial struct {
	Serial string `path:"serial" maxLength:"64"`
}

// parse refuses what can't be a serial number as one that isn't there.
func (s Serial) parse() (site.Serial, error) {
	parsed, err := site.ParseSerial(s.Serial)
	if err != nil {
		return "", &inventory.Refusal{Kind: inventory.Absent, Field: "serial", Message: err.Error()}
	}
	return parsed, nil
}

func (a *API) registerSockets() {
	register(a, operation{id: "get-socket", method: http.MethodGet, path: "/sockets/{serial}", tag: "sockets", action: access.SiteRead,
		summary: "Show a vSocket", about: "By its serial number, a void one too."}, a.socket)
	register(a, operation{id: "enrol-key", method: http.MethodPost, path: "/sockets/{serial}/enrol-key", tag: "sockets", action: access.SocketEnrol,
		summary: "Make the key with which a vSocket enrols", about: "Shown once; good once, for 24 hours. The key before is good no more."}, a.enrolKey)
	register(a, operation{id: "list-audit", method: http.MethodGet, path: "/audit", tag: "audit", action: access.AuditRead,
		summary: "List the changes", about: "Who changed what and when, the newest first (E12)."}, a.audit)
}

func (a *API) socket(ctx context.Context, c *caller, in *Serial) (*struct{ Body client.Socket }, error) {
	s, err := in.parse()
	if err != nil {
		return nil, err
	}
	found, err := a.Inventory.VSocket(ctx, c.actor(), s)
	if err != nil {
		return nil, err
	}
	return &struct{ Body client.Socket }{viewSocket(found)}, nil
}

func (a *API) enrolKey(ctx context.Context, c *caller, in *struct {
	Serial
	Key string `header:"Idempotency-Key" maxLength:"200"`
}) (*struct{ Body client.EnrolKey }, error) {
	s, err := in.parse()
	if err != nil {
		return nil, err
	}
	key, err := a.Inventory.EnrolKey(ctx, c.actor(), s, inventory.Change{})
	return answerKey(c, key, err)
}

// answerKey shows a key, once.
func answerKey(c *caller, key site.EnrolKey, err error) (*struct{ Body client.EnrolKey }, error) {
	if err != nil {
		return nil, err
	}
	c.secret = true
	return &struct{ Body client.EnrolKey }{client.EnrolKey{Serial: string(key.Serial), Key: key.String()}}, nil
}

func (a *API) audit(ctx context.Context, c *caller, in *struct{ Paging }) (*struct {
	Body client.Page[client.AuditRow]
}, error) {
	list, err := a.Inventory.Audit(ctx, c.actor(), in.page())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, r := range list.Items {
		ids = append(ids, r.Actor, r.Target)
	}
	names, err := a.Access.Names(ctx, c.who.Account, ids)
	if err != nil {
		return nil, err
	}
	return answerPage(list, func(r inventory.AuditRow) client.AuditRow {
		v := viewAudit(r)
		v.ActorName, v.TargetName = names[r.Actor], names[r.Target]
		return v
	}), nil
}
