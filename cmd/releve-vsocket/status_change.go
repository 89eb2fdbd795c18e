package main

import (
	"fmt"
	"strings"

	"releve.dev/releve/site"
)

// change says how a change of the floating IP goes, and what of it is a person's.
func (r *report) change(c *site.FIPChange) {
	if c == nil {
		return
	}
	r.Row("  change", r.step(c))
	for _, e := range c.Routes {
		r.Row("  route", fmt.Sprintf("%s (%s) of %s leads to %s", e.Route, e.Prefix, e.Table, e.NextHop))
	}
	for _, why := range append(c.Unread, c.Denied...) {
		r.Row("  can't", r.Wait(why))
	}
}

func (r *report) step(c *site.FIPChange) string {
	var former []string
	for _, addr := range c.Former {
		former = append(former, addr.String())
	}
	all := strings.Join(former, ", ")
	switch {
	case c.Problem != "":
		return r.Bad("doesn't go on") + ": " + c.Problem
	case c.Step == "adds":
		return r.Wait("is added") + " beside " + all
	case c.Step == "routes" && len(c.Unread) > 0:
		return r.Wait("routes") + ": the former one stays until somebody says at the manager that no route leads to " + all
	case c.Step == "routes" && len(c.Denied) > 0:
		return r.Wait("routes") + ": change them in Azure to the floating IP; then " + all + " goes by itself"
	case c.Step == "routes":
		return r.Wait("routes") + ": " + all + " goes once no route has led to it for 30 s"
	case c.Step == "drops":
		return r.Wait("nearly done") + ": " + all + " goes"
	case c.Step == "done":
		return r.Good("done")
	}
	return r.Wait("waits") + " for the active vSocket, at rest"
}
