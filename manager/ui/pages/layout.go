package pages

import (
	"github.com/a-h/templ"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/web/page"
)

// ways are the pages that somebody may go to from each.
func (f *Frame) ways() []page.Group {
	if f.Who == nil {
		return nil
	}
	network := page.Group{Name: f.T("nav.network"), Links: []page.Link{{Path: "/sites", Label: f.T("nav.sites"), Icon: "sites"}, {Path: "/events", Label: f.T("nav.events"), Icon: "events"}}}
	account := page.Group{Name: f.T("nav.account")}
	if f.may(access.AuditRead) {
		account.Links = append(account.Links, page.Link{Path: "/audit", Label: f.T("nav.audit"), Icon: "audit"})
	}
	if f.may(access.PeopleManage) {
		account.Links = append(account.Links, page.Link{Path: "/people", Label: f.T("people.title"), Icon: "people"})
	}
	account.Links = append(account.Links, page.Link{Path: "/settings", Label: f.T("settings.title"), Icon: "settings"})
	return []page.Group{network, account}
}

func (f *Frame) person() page.Person {
	if f.Who == nil {
		return page.Person{}
	}
	return page.Person{Name: f.Who.Name, Role: f.T("role." + string(f.Who.Role)), Path: "/account"}
}

func remedies(r *inventory.Refusal) []string {
	if r.Remedy == "" {
		return nil
	}
	return []string{r.Remedy}
}

// field is an input of a form, as it was sent.
func field(f *Frame, form Form, i input) templ.Component {
	return f.Field(page.Field{Name: i.name, Label: i.label, Hint: i.hint, Kind: i.kind, Complete: i.complete, Optional: i.optional,
		FromFragment: i.fromFragment, Value: form.Value(i.name), Wrong: form.wrongs(i.name), Fine: form.fine(i.name)})
}
