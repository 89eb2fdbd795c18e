package ui

import (
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
)

// confirm is how the person can show once more who they are, for a form that wants
// it, and whether they must. The provider sends them back to a page.
func (v *visit) confirm(back string) (pages.Confirm, error) {
	c := pages.Confirm{Needed: v.Access.NeedConfirmed(v.who) != nil, Provider: v.Provider, Back: back}
	if !c.Needed || v.Passkeys == "" {
		return c, nil
	}
	keys, err := v.Access.Passkeys(v.ctx(), v.who)
	c.Passkeys = len(keys) > 0
	return c, err
}

// confirmed refuses what wants somebody to have shown just now who they are. The
// password may come with the form; passkey and provider have done it before.
func (v *visit) confirmed() error {
	err, password := v.Access.NeedConfirmed(v.who), v.r.PostFormValue("password")
	if err == nil || password == "" {
		return err
	}
	err = v.Access.Confirm(v.ctx(), v.who, password, v.from, v.request)
	if kindOf(err) == access.Unauthenticated {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: "password", Message: "the password is wrong"}
	}
	return err
}
