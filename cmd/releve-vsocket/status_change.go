package main

import (
	"fmt"
	"strings"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// change says how a change of the floating IP goes, and what of it is a person's.
func (r *report) change(c *site.FIPChange) {
	if c == nil {
		return
	}
	r.Row("  change", r.step(c))
	for _, e := range c.Routes {
		r.Row("  route", steer.Entry(e).String())
	}
	for _, why := range append(c.Unread, c.Denied...) {
		r.Row("  can't", r.Wait(why))
	}
}

func (r *report) step(c *site.FIPChange) string {
	head, rest := stage(c)
	switch {
	case c.Problem != "":
		return r.Bad(head) + rest
	case c.Step == string(steer.Done):
		return r.Good(head) + rest
	}
	return r.Wait(head) + rest
}

// stage is where a change is, in words, and the little more that a person has to know.
func stage(c *site.FIPChange) (head, rest string) {
	var former []string
	for _, addr := range c.Former {
		former = append(former, addr.String())
	}
	all := strings.Join(former, ", ")
	switch step := steer.Step(c.Step); {
	case c.Problem != "":
		return "doesn't go on", ": " + c.Problem
	case step == steer.Adds:
		return "is added", " beside " + all
	case step == steer.Routes && len(c.Unread) > 0:
		return "routes", ": the former one stays until a person says that no route leads to " + all + ", by releve-vsocket fip-moved on the active vSocket"
	case step == steer.Routes && len(c.Denied) > 0:
		return "routes", ": change them in Azure to the floating IP; then " + all + " goes by itself"
	case step == steer.Routes:
		return "routes", ": " + all + " goes once no route has led to it for 30 s"
	case step == steer.Drops:
		return "nearly done", ": " + all + " goes"
	case step == steer.Done:
		return "done", ""
	}
	return "waits", " for the active vSocket, at rest"
}

// mostNamed bounds how many entries a sentence names; status lists them all.
const mostNamed = 3

// entries are the routes that lead to a former address, for a sentence.
func entries(c *site.FIPChange) string {
	if len(c.Routes) == 0 {
		return ""
	}
	var named []string
	for _, e := range c.Routes[:min(mostNamed, len(c.Routes))] {
		named = append(named, steer.Entry(e).String())
	}
	if more := len(c.Routes) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return "; " + strings.Join(named, ", ")
}
