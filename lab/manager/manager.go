// Package manager is the lab's own hand at a manager: it reads what the first
// start says, is the first owner, and compares the events it keeps with those
// that vSockets had.
package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"releve.dev/releve/client"
)

// Greeting is what a manager's first start prints.
type Greeting struct {
	Fingerprint string // of its certificate authority
	Code        string // with which the first owner sets a password
}

// ReadGreeting finds the greeting in what a manager has said so far.
func ReadGreeting(said string) (g Greeting, whole bool) {
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "fingerprint":
			g.Fingerprint = words[1]
		case len(words) > 2 && words[0] == "releve" && words[1] == "login" && words[len(words)-2] == "--code":
			g.Code = words[len(words)-1]
		}
	}
	return g, g.Fingerprint != "" && g.Code != ""
}

// Owner is the lab as the first owner of a manager's account, in a session.
type Owner struct {
	*client.Client
	Fingerprint string
	password    string
}

// Own makes the lab the first owner of the manager at an address.
func Own(ctx context.Context, address string, g Greeting) (*Owner, error) {
	c, err := client.New(address, g.Fingerprint, "")
	if err != nil {
		return nil, err
	}
	o := &Owner{Client: c, Fingerprint: g.Fingerprint, password: rand.Text()}
	_, err = c.Redeem(ctx, g.Code, o.password)
	return o, err
}

// Again gives the password once more, for what can't be undone.
func (o *Owner) Again(ctx context.Context) error { return o.Confirm(ctx, o.password) }

// Invite adds another owner, and returns the code with which they log in first.
func (o *Owner) Invite(ctx context.Context, name string) (code string, err error) {
	made, err := o.AddPerson(ctx, client.NewPerson{Name: name, Role: "owner"})
	return made.Code, err
}

// mostTries of a change that others are always first with.
const mostTries = 5

// Change changes a site as it is now: again, if somebody else was first.
func (o *Owner) Change(ctx context.Context, site string, do func(is client.Site, how client.Condition) (client.Site, error)) (client.Site, error) {
	for try := 1; ; try++ {
		is, err := o.Site(ctx, site)
		if err != nil {
			return is, err
		}
		is, err = do(is, client.Condition{IfMatch: is.Generation})
		var p *client.Problem
		if try == mostTries || !errors.As(err, &p) || p.Kind != "stale" {
			return is, err
		}
	}
}

// Events lists all that the manager keeps of a site, the newest first.
func (o *Owner) Events(ctx context.Context, site string) (all []client.Event, err error) {
	for after := ""; ; {
		page, err := o.Client.Events(ctx, client.EventFilter{Site: site}, after, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if after = page.Next; after == "" {
			return all, nil
		}
	}
}
