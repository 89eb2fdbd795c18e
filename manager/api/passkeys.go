package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/passkey"
	"releve.dev/releve/manager/seal"
)

// questionLife is how long a person has to touch their authenticator.
const questionLife = 5 * time.Minute

// What a question is for: its answer is good for nothing else.
const (
	toRegister = "passkey-register"
	toSignIn   = "passkey-sign-in"
	toConfirm  = "passkey-confirm"
)

func (a *API) registerPasskeys() {
	o := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: path, tag: "session", summary: summary}
	}
	register(a, o("list-passkeys", http.MethodGet, "/me/passkeys", "List my passkeys"), a.passkeys)
	register(a, o("ask-new-passkey", http.MethodPost, "/me/passkeys/question", "Ask my browser for a new passkey"), a.askNewPasskey)
	add := o("add-passkey", http.MethodPost, "/me/passkeys", "Add a passkey of mine")
	add.about, add.status = "In a session that has shown within five minutes who it is.", http.StatusCreated
	register(a, add, a.addPasskey)
	remove := o("delete-passkey", http.MethodDelete, "/me/passkeys/{passkey}", "Delete a passkey of mine")
	remove.status = http.StatusNoContent
	register(a, remove, a.deletePasskey)
	ask := o("ask-passkey", http.MethodPost, "/session/passkey/question", "Ask a browser for a passkey of this manager")
	login := o("login-passkey", http.MethodPost, "/session/passkey", "Begin a session by a passkey")
	ask.open, login.open = true, true
	register(a, ask, a.askPasskey)
	register(a, login, a.loginPasskey)
	register(a, o("ask-confirm-passkey", http.MethodPost, "/session/confirm-passkey/question", "Ask my browser for one of my passkeys"), a.askConfirm)
	confirm := o("confirm-passkey", http.MethodPost, "/session/confirm-passkey", "Show by a passkey once more who I am")
	confirm.about, confirm.status = "For what can't be undone.", http.StatusNoContent
	register(a, confirm, a.confirmPasskey)
}

// question is an answer that asks a browser something.
type question struct{ Body client.Question }

// asked is what a question leaves with the browser.
type asked struct {
	Ceremony passkey.Ceremony
	Person   string // who is asked; "": whoever
}

func (a *API) ask(purpose, person string, options json.RawMessage, c passkey.Ceremony, err error) (*question, error) {
	if err != nil {
		return nil, err
	}
	sealed, err := a.SignIn.Box.Seal(purpose, asked{c, person}, questionLife)
	if err != nil {
		return nil, err
	}
	return &question{client.Question{Ceremony: sealed, Options: options}}, nil
}

// answered opens what a browser brings back, of this person's.
func (a *API) answered(purpose, person string, in client.Answer) (asked, seal.Opened, error) {
	var q asked
	if a.SignIn.Passkeys == nil {
		return q, seal.Opened{}, noPasskeys
	}
	opened, err := a.SignIn.Box.Open(purpose, in.Ceremony, &q)
	if err != nil || q.Person != person {
		return q, opened, access.ErrUsed
	}
	return q, opened, nil
}

var noPasskeys = &inventory.Refusal{Kind: inventory.Absent, Message: "this manager has no host name, and passkeys are of one",
	Remedy: "give it one: releve-manager up --name manager.example"}

func viewPasskey(k access.Passkey) client.Passkey {
	return client.Passkey{ID: k.ID, Name: k.Name, Created: k.Created, Used: moment(k.Used)}
}

func (a *API) passkeys(ctx context.Context, c *caller, _ *nothing) (*struct{ Body client.Page[client.Passkey] }, error) {
	found, err := a.Access.Passkeys(ctx, c.who)
	if err != nil {
		return nil, err
	}
	return answerPage(inventory.List[access.Passkey]{Items: found}, viewPasskey), nil
}

// holder is the caller with their passkeys.
func (a *API) holder(ctx context.Context, c *caller) (passkey.Person, error) {
	who := passkey.Person{ID: c.who.Person, Name: c.who.Name}
	if a.SignIn.Passkeys == nil {
		return who, noPasskeys
	}
	found, err := a.Access.Passkeys(ctx, c.who)
	for _, k := range found {
		who.Keys = append(who.Keys, passkey.Key{ID: k.ID, Credential: k.Credential})
	}
	return who, err
}

func (a *API) askNewPasskey(ctx context.Context, c *caller, _ *nothing) (*question, error) {
	who, err := a.holder(ctx, c)
	if err == nil {
		err = a.Access.NeedConfirmed(c.who)
	}
	if err != nil {
		return nil, err
	}
	options, ceremony, err := a.SignIn.Passkeys.Register(who)
	return a.ask(toRegister, who.ID, options, ceremony, err)
}

func (a *API) addPasskey(ctx context.Context, c *caller, in *struct{ Body client.NewPasskey }) (*struct{ Body client.Passkey }, error) {
	q, opened, err := a.answered(toRegister, c.who.Person, in.Body.Answer)
	if err != nil {
		return nil, err
	}
	who, err := a.holder(ctx, c)
	if err != nil {
		return nil, err
	}
	key, err := a.SignIn.Passkeys.Registered(who, q.Ceremony, in.Body.Answer.Answer)
	var refused *passkey.Refused
	switch {
	case errors.As(err, &refused):
		return nil, &inventory.Refusal{Kind: inventory.Invalid, Field: "answer", Message: "the authenticator's answer isn't good: " + refused.Reason,
			Remedy: "ask it anew"}
	case err != nil:
		return nil, err
	}
	if err := a.Access.Spend(ctx, opened.ID, opened.Until); err != nil {
		return nil, err
	}
	made := access.Passkey{ID: key.ID, Name: in.Body.Name, Credential: key.Credential, Created: a.Now().UTC()}
	if err := a.Access.AddPasskey(ctx, c.who, made, c.request); err != nil {
		return nil, err
	}
	return &struct{ Body client.Passkey }{viewPasskey(made)}, nil
}

func (a *API) deletePasskey(ctx context.Context, c *caller, in *struct {
	Passkey string `path:"passkey" maxLength:"1400"`
}) (*nothing, error) {
	return nil, a.Access.DeletePasskey(ctx, c.who, in.Passkey, c.request)
}

func (a *API) askPasskey(context.Context, *caller, *nothing) (*question, error) {
	if a.SignIn.Passkeys == nil {
		return nil, noPasskeys
	}
	options, ceremony, err := a.SignIn.Passkeys.Ask()
	return a.ask(toSignIn, "", options, ceremony, err)
}

func (a *API) askConfirm(ctx context.Context, c *caller, _ *nothing) (*question, error) {
	who, err := a.holder(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(who.Keys) == 0 {
		return nil, &inventory.Refusal{Kind: inventory.Absent, Message: "you have no passkey", Remedy: "give your password: POST /api/v1/session/confirm"}
	}
	options, ceremony, err := a.SignIn.Passkeys.Ask(who.Keys...)
	return a.ask(toConfirm, who.ID, options, ceremony, err)
}

// used is the passkey that a browser has shown to have, of this person; of "":
// of whoever's.
func (a *API) used(ctx context.Context, c *caller, purpose, person string, in client.Answer) (access.Passkey, error) {
	if err := a.Access.Try(c.from); err != nil {
		return access.Passkey{}, err
	}
	q, opened, err := a.answered(purpose, person, in)
	if err != nil {
		return access.Passkey{}, err
	}
	var whose *access.Who
	key, err := a.SignIn.Passkeys.Answered(q.Ceremony, in.Answer, func(id string) (passkey.Person, error) {
		who, k, err := a.Access.ByPasskey(ctx, id)
		if err != nil {
			return passkey.Person{}, err
		}
		if person != "" && who.Person != person {
			return passkey.Person{}, &passkey.Refused{Reason: "the passkey is another person's"}
		}
		whose = who
		return passkey.Person{ID: who.Person, Name: who.Name, Keys: []passkey.Key{{ID: k.ID, Credential: k.Credential}}}, nil
	})
	var refused *passkey.Refused
	switch {
	case errors.As(err, &refused):
		return access.Passkey{}, a.Access.RefusePasskey(ctx, whose, refused.Reason, c.from, c.request)
	case err != nil:
		return access.Passkey{}, err
	}
	return access.Passkey{ID: key.ID, Credential: key.Credential}, a.Access.Spend(ctx, opened.ID, opened.Until)
}

func (a *API) loginPasskey(ctx context.Context, c *caller, in *struct{ Body client.Answer }) (*begun, error) {
	k, err := a.used(ctx, c, toSignIn, "", in.Body)
	if err != nil {
		return nil, err
	}
	return answerBegun(a.Access.LoginPasskey(ctx, k, c.from, c.request))
}

func (a *API) confirmPasskey(ctx context.Context, c *caller, in *struct{ Body client.Answer }) (*nothing, error) {
	k, err := a.used(ctx, c, toConfirm, c.who.Person, in.Body)
	if err != nil {
		return nil, err
	}
	return nil, a.Access.ConfirmPasskey(ctx, c.who, k)
}
