package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/oidc"
	"releve.dev/releve/manager/passkey"
	"releve.dev/releve/manager/seal"
)

// SignIn is what the ways to sign in stand on, besides the password.
type SignIn struct {
	Box      *seal.Box      // what browsers carry between two requests
	Provider *oidc.Provider // nil: none
	Account  string         // by name: where the provider's people come; "": the only one
	Passkeys *passkey.Party // nil: the manager has no host name
}

func (a *API) registerSignIn() {
	register(a, operation{id: "sign-in-ways", method: http.MethodGet, path: "/session/ways", tag: "session", open: true,
		summary: "List the ways to sign in"}, a.ways)
	register(a, operation{id: "sign-in-program", method: http.MethodPost, path: "/session/program", tag: "session", open: true,
		summary: "Begin the session that a browser has signed in for",
		about:   "For programs: the browser begins at /auth/oidc?callback=http://127.0.0.1:PORT/&challenge=…&state=…, and comes back with the code."}, a.program)
	o := func(id, method, summary string) operation {
		return operation{id: id, method: method, path: "/people/{person}/identity", tag: "people", action: access.PeopleManage,
			summary: summary, status: http.StatusNoContent}
	}
	linked := o("list-links", http.MethodGet, "List who a person is at providers")
	linked.status = 0
	register(a, linked, a.linked)
	register(a, o("link-person", http.MethodPut, "Let somebody at a provider be this person"), a.linkPerson)
	register(a, o("unlink-person", http.MethodDelete, "End a person's links to providers"), a.unlinkPerson)
	end := o("end-passkeys", http.MethodDelete, "End all passkeys of a person, who may have lost the device")
	end.path = "/people/{person}/passkeys"
	register(a, end, a.endPasskeys)
	a.mux.HandleFunc("GET "+startPath, a.startOIDC)
	a.mux.HandleFunc("GET "+CallbackPath, a.finishOIDC)
}

func (a *API) ways(context.Context, *caller, *nothing) (*struct{ Body client.Ways }, error) {
	w := client.Ways{Password: true}
	if a.SignIn.Provider != nil {
		w.Provider = a.SignIn.Provider.Issuer()
	}
	if a.SignIn.Passkeys != nil {
		w.Passkeys = a.SignIn.Passkeys.Name()
	}
	return &struct{ Body client.Ways }{w}, nil
}

// vouched is what a program's code has inside: whom a browser showed to be there.
type vouched struct {
	Account, Person, Challenge string
	Confirmed                  time.Time
}

// programLife is how long a program has to come with its code.
const programLife = time.Minute

func (a *API) program(ctx context.Context, c *caller, in *struct{ Body client.ProgramCode }) (*begun, error) {
	if err := a.Access.Try(c.from); err != nil {
		return nil, err
	}
	var v vouched
	opened, err := a.SignIn.Box.Open("program", in.Body.Code, &v)
	if err != nil || subtle.ConstantTimeCompare([]byte(challengeOf(in.Body.Verifier)), []byte(v.Challenge)) != 1 {
		return nil, access.ErrUsed
	}
	if err := a.Access.Spend(ctx, opened.ID, opened.Until); err != nil {
		return nil, err
	}
	return answerBegun(a.Access.LoginKnown(ctx, v.Account, v.Person, v.Confirmed, c.from, c.request))
}

// challengeOf is RFC 7636's S256.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (a *API) linked(ctx context.Context, c *caller, in *PersonID) (*struct{ Body client.Page[client.Identity] }, error) {
	found, err := a.Access.Linked(ctx, c.who.Account, in.Person)
	if err != nil {
		return nil, err
	}
	return answerPage(inventory.List[access.Outside]{Items: found}, func(o access.Outside) client.Identity {
		return client.Identity{Issuer: o.Issuer, Subject: o.Subject}
	}), nil
}

func (a *API) linkPerson(ctx context.Context, c *caller, in *struct {
	PersonID
	Body client.Identity
}) (*nothing, error) {
	issuer := in.Body.Issuer
	if issuer == "" && a.SignIn.Provider != nil {
		issuer = a.SignIn.Provider.Issuer()
	}
	if issuer == "" {
		return nil, noProvider
	}
	return nil, a.Access.LinkPerson(ctx, c.actor(), in.Person, issuer, in.Body.Subject)
}

func (a *API) unlinkPerson(ctx context.Context, c *caller, in *PersonID) (*nothing, error) {
	return nil, a.Access.UnlinkPerson(ctx, c.actor(), in.Person)
}

func (a *API) endPasskeys(ctx context.Context, c *caller, in *PersonID) (*nothing, error) {
	return nil, a.Access.EndPasskeys(ctx, c.actor(), in.Person)
}

var noProvider = &inventory.Refusal{Kind: inventory.Absent, Message: "this manager has no provider of OpenID Connect",
	Remedy: "releve-manager up --oidc-issuer … gives it one; sign in with your password"}
