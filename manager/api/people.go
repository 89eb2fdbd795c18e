package api

import (
	"context"
	"net/http"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
)

// PersonID names a person.
type PersonID struct {
	Person string `path:"person" maxLength:"64"`
}

// oneCode is an answer with a one-time code.
type oneCode struct {
	Body client.Code
}

func (a *API) registerPeople() {
	o := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: "/people" + path, tag: "people", action: access.PeopleManage, summary: summary}
	}
	register(a, o("list-people", http.MethodGet, "", "List the account's people"), a.people)
	add := o("add-person", http.MethodPost, "", "Add a person")
	add.about, add.status = "The answer has a code, good once, for 24 hours, with which they set their password.", http.StatusCreated
	register(a, add, a.addPerson)
	register(a, o("get-person", http.MethodGet, "/{person}", "Show a person"), a.person)
	register(a, o("set-person", http.MethodPut, "/{person}", "Change a person's role, or whether they may log in"), a.setPerson)
	remove := o("delete-person", http.MethodDelete, "/{person}", "Delete a person, their sessions and tokens")
	remove.status = http.StatusNoContent
	register(a, remove, a.deletePerson)
	register(a, o("new-code", http.MethodPost, "/{person}/code", "Make a code for a person who has lost their password"), a.newCode)
}

func viewPerson(p access.Person) client.Person {
	return client.Person{ID: p.ID, Name: p.Name, Role: string(p.Role), Disabled: p.Disabled, Invited: p.Invited, Created: p.Created, SignedIn: moment(p.SignedIn)}
}

func (a *API) people(ctx context.Context, c *caller, in *struct{ Paging }) (*struct{ Body client.Page[client.Person] }, error) {
	found, err := a.Access.People(ctx, c.who.Account, in.After, int32(in.Limit))
	if err != nil {
		return nil, err
	}
	list := inventory.List[access.Person]{Items: found}
	if len(found) == in.Limit {
		list.Next = found[len(found)-1].ID
	}
	return answerPage(list, viewPerson), nil
}

func (a *API) person(ctx context.Context, c *caller, in *PersonID) (*struct{ Body client.Person }, error) {
	p, err := a.Access.Person(ctx, c.who.Account, in.Person)
	if err != nil {
		return nil, err
	}
	return &struct{ Body client.Person }{viewPerson(p)}, nil
}

func (a *API) addPerson(ctx context.Context, c *caller, in *struct {
	Key  string `header:"Idempotency-Key" maxLength:"200"`
	Body client.NewPerson
}) (*oneCode, error) {
	made, code, err := a.Access.AddPerson(ctx, c.actor(), in.Body.Name, access.Role(in.Body.Role))
	if err != nil {
		return nil, err
	}
	c.secret = true
	return &oneCode{client.Code{Person: viewPerson(made), Code: code}}, nil
}

func (a *API) setPerson(ctx context.Context, c *caller, in *struct {
	PersonID
	Body client.PersonChange
}) (*struct{ Body client.Person }, error) {
	changed, err := a.Access.SetPerson(ctx, c.actor(), in.Person, access.Role(in.Body.Role), in.Body.Disabled)
	if err != nil {
		return nil, err
	}
	return &struct{ Body client.Person }{viewPerson(changed)}, nil
}

func (a *API) deletePerson(ctx context.Context, c *caller, in *PersonID) (*nothing, error) {
	return nil, a.Access.DeletePerson(ctx, c.actor(), in.Person)
}

func (a *API) newCode(ctx context.Context, c *caller, in *PersonID) (*oneCode, error) {
	p, code, err := a.Access.NewCode(ctx, c.actor(), in.Person)
	if err != nil {
		return nil, err
	}
	c.secret = true
	return &oneCode{client.Code{Person: viewPerson(p), Code: code}}, nil
}

func (a *API) registerTokens() {
	o := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: "/tokens" + path, tag: "tokens", action: access.TokenManage, summary: summary}
	}
	register(a, o("list-tokens", http.MethodGet, "", "List my tokens"), a.tokens)
	make := o("make-token", http.MethodPost, "", "Make a token of mine")
	make.about, make.status = "Its secret is shown once.", http.StatusCreated
	register(a, make, a.makeToken)
	revoke := o("revoke-token", http.MethodDelete, "/{token}", "Revoke a token of mine")
	revoke.status = http.StatusNoContent
	register(a, revoke, a.revokeToken)
}

func viewToken(t access.Token) client.Token {
	v := client.Token{ID: t.ID, Name: t.Name, Scopes: []string{}, Created: t.Created, Expires: t.Expires, Used: t.Used}
	for _, s := range t.Scopes {
		v.Scopes = append(v.Scopes, string(s))
	}
	return v
}

func (a *API) tokens(ctx context.Context, c *caller, _ *nothing) (*struct{ Body client.Page[client.Token] }, error) {
	found, err := a.Access.Tokens(ctx, c.who)
	if err != nil {
		return nil, err
	}
	return answerPage(inventory.List[access.Token]{Items: found}, viewToken), nil
}

func (a *API) makeToken(ctx context.Context, c *caller, in *struct {
	Key  string `header:"Idempotency-Key" maxLength:"200"`
	Body client.NewToken
}) (*struct{ Body client.MadeToken }, error) {
	var scopes []access.Action
	for _, s := range in.Body.Scopes {
		scopes = append(scopes, access.Action(s))
	}
	made, secret, err := a.Access.NewToken(ctx, c.who, in.Body.Name, scopes, time.Duration(in.Body.Days)*24*time.Hour, c.request)
	if err != nil {
		return nil, err
	}
	c.secret = true
	return &struct{ Body client.MadeToken }{client.MadeToken{Token: viewToken(made), Secret: secret}}, nil
}

func (a *API) revokeToken(ctx context.Context, c *caller, in *struct {
	Token string `path:"token" maxLength:"64"`
}) (*nothing, error) {
	return nil, a.Access.RevokeToken(ctx, c.who, in.Token, c.request)
}
