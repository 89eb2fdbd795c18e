package ui

import (
	"net/http"
	"net/url"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/ui/pages"
)

// mostPeople are on one page.
const mostPeople = 50

func (u *UI) peopleRoutes() {
	manage := access.PeopleManage
	u.mux.HandleFunc("GET /people", u.page(manage, (*visit).people))
	u.mux.HandleFunc("GET /people/new", u.page(manage, func(v *visit) error {
		return v.show(http.StatusOK, pages.Invite(v.frame, pages.Form{Values: url.Values{"role": {string(access.Viewer)}}}))
	}))
	u.mux.HandleFunc("POST /people/new", u.page(manage, (*visit).invite))
	u.mux.HandleFunc("GET /people/{person}", u.page(manage, (*visit).person))
	u.mux.HandleFunc("POST /people/{person}", u.page(manage, (*visit).setPerson))
	u.mux.HandleFunc("POST /people/{person}/code", u.page(manage, (*visit).newCode))
	u.mux.HandleFunc("POST /people/{person}/end-passkeys", u.page(manage, (*visit).endPasskeys))
	u.mux.HandleFunc("POST /people/{person}/link", u.page(manage, (*visit).linkPerson))
	u.mux.HandleFunc("POST /people/{person}/unlink", u.page(manage, (*visit).unlinkPerson))
	u.mux.HandleFunc("GET /people/{person}/remove", u.page(manage, (*visit).askRemove))
	u.mux.HandleFunc("POST /people/{person}/remove", u.page(manage, (*visit).removePerson))
}

// people are the account's administrators (E11).
func (v *visit) people() error {
	query := v.r.URL.Query()
	found, err := v.Access.People(v.ctx(), v.who.Account, query.Get("after"), mostPeople+1)
	if err != nil {
		return err
	}
	next := ""
	if len(found) > mostPeople {
		found = found[:mostPeople]
		next = found[mostPeople-1].ID
	}
	return v.show(http.StatusOK, pages.People(v.frame, query, found, next))
}

// invite adds somebody, and shows once the code with which they come in.
func (v *visit) invite() error {
	made, code, err := v.Access.AddPerson(v.ctx(), v.actor(), v.typed("name"), access.Role(v.typed("role")))
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.show(statusOf(form.Refusal), pages.Invite(v.frame, form))
	}
	return v.showCode(made, code)
}

func (v *visit) showCode(p access.Person, code string) error {
	return v.show(http.StatusOK, pages.PersonCode(v.frame, p, "https://"+v.r.Host+"/welcome#"+code, code))
}

// named is the person whom the path names.
func (v *visit) named() (access.Person, error) {
	return v.Access.Person(v.ctx(), v.who.Account, v.r.PathValue("person"))
}

func (v *visit) person() error {
	p, err := v.named()
	if err != nil {
		return err
	}
	return v.showPerson(http.StatusOK, p, pages.Form{Values: mayOf(p)}, pages.Form{})
}

// mayOf is what somebody may do, as the form has it.
func mayOf(p access.Person) url.Values {
	values := url.Values{"role": {string(p.Role)}}
	if p.Disabled {
		values.Set("disabled", "1")
	}
	return values
}

func (v *visit) showPerson(status int, p access.Person, may, link pages.Form) error {
	linked, err := v.Access.Linked(v.ctx(), v.who.Account, p.ID)
	if err != nil {
		return err
	}
	return v.show(status, pages.Person(v.frame, p, may, pages.Links{Provider: v.Provider, Linked: linked, Form: link}))
}

func (v *visit) setPerson() error {
	id := v.r.PathValue("person")
	_, err := v.Access.SetPerson(v.ctx(), v.actor(), id, access.Role(v.typed("role")), v.typed("disabled") != "")
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		p, err := v.named()
		if err != nil {
			return err
		}
		return v.showPerson(statusOf(form.Refusal), p, form, pages.Form{})
	}
	return v.goTo("/people/" + id + "?saved")
}

func (v *visit) newCode() error {
	p, code, err := v.Access.NewCode(v.ctx(), v.actor(), v.r.PathValue("person"))
	if err != nil {
		return err
	}
	return v.showCode(p, code)
}

func (v *visit) endPasskeys() error {
	id := v.r.PathValue("person")
	if err := v.Access.EndPasskeys(v.ctx(), v.actor(), id); err != nil {
		return err
	}
	return v.goTo("/people/" + id + "?saved")
}

// linkPerson lets somebody at the manager's provider be this person.
func (v *visit) linkPerson() error {
	p, err := v.named()
	if err != nil {
		return err
	}
	form, failed := v.form(v.Access.LinkPerson(v.ctx(), v.actor(), p.ID, v.Provider, v.typed("subject")))
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.showPerson(statusOf(form.Refusal), p, pages.Form{Values: mayOf(p)}, form)
	}
	return v.goTo("/people/" + p.ID + "?saved")
}

func (v *visit) unlinkPerson() error {
	id := v.r.PathValue("person")
	if err := v.Access.UnlinkPerson(v.ctx(), v.actor(), id); err != nil {
		return err
	}
	return v.goTo("/people/" + id + "?saved")
}

func (v *visit) askRemove() error {
	p, err := v.named()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.RemovePerson(v.frame, p, pages.Form{}))
}

func (v *visit) removePerson() error {
	p, err := v.named()
	if err != nil {
		return err
	}
	form, failed := v.form(v.Access.DeletePerson(v.ctx(), v.actor(), p.ID))
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.show(statusOf(form.Refusal), pages.RemovePerson(v.frame, p, form))
	}
	return v.goTo("/people?saved")
}
