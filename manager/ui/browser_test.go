package ui

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
	"releve.dev/releve/web/browsertest"
)

// browser is a real one, at a world.
type browser struct{ *browsertest.Browser }

// browse starts one, whose person likes a language.
func (w *world) browse(language string) browser {
	w.t.Helper()
	browsertest.Need(w.t)
	base := w.serve() // closed once the browser has gone
	return browser{browsertest.Start(w.t, base, language)}
}

// signIn goes in by the link with the one-time code.
func (b browser) signIn(code string) {
	b.Open("/welcome#" + url.PathEscape(code))
	b.Until(fmt.Sprintf("document.getElementById('code').value === %q", code))
	b.Types("password", password)
	b.Do("going in", chromedp.Click("main form button"))
	b.Until("location.pathname === '/sites'")
}

// The work flow E1 to E9 by clicking, with the checks as one types.
func TestBrowserWorkFlow(t *testing.T) {
	w := newWorld(t)
	b := w.browse("en")
	b.signIn(w.code)
	b.Presses("New site")
	b.Until("location.pathname === '/sites/new'")
	b.Types("name", "paris")
	b.Types("native", "10.0.1.0/24")
	b.Types("primary_ip", "10.0.1.3")
	b.Sees("10.0.1.3 is reserved by Azure")
	b.Types("primary_ip", "10.0.1.4")
	b.Until("!document.querySelector('.wrong')")
	b.Presses("Make the site")
	b.Sees("be added yet")
	list, err := w.Inventory.Sites(t.Context(), w.ours, inventory.Page{})
	w.fine(err)
	s := list.Items[0]
	b.Presses("Make an enrolment key")
	b.Sees(string(s.Primary.Serial) + ".")
	b.Presses("I have it")
	b.Until("location.pathname === '/sites/" + s.ID + "'")
	b.Presses("Socket")
	w.enrolled(s.Primary.Serial)
	w.says(s.Primary.Serial, site.Primary, serves(1))
	b.Sees("Add secondary socket") // by itself
	b.Presses("Add secondary socket")
	b.Types("secondary_ip", "10.0.1.5")
	b.Types("floating_ip", "10.0.1.5")
	b.Sees("is the management IP of the secondary")
	b.Types("floating_ip", "10.0.1.6")
	b.Until("!document.querySelector('.wrong')")
	b.Presses("Add")
	b.Until("location.pathname === '/sites/" + s.ID + "/socket' && document.querySelector('[name=floating_ip]')?.defaultValue === '10.0.1.6'")
	b.Types("floating_ip", "10.0.1.9")
	b.Presses("Save")
	b.Until("document.querySelector('[name=floating_ip]')?.defaultValue === '10.0.1.9'")
	b.Sees("Saved.")
	b.Presses("Networks")
	b.Sees("10.0.1.9")
	b.Types("name", "servers")
	b.Types("prefix", "10.9.0.0/16")
	b.Presses("Add")
	b.Sees("The Azure default router, 10.0.1.1")
	b.Presses("Socket")
	b.Presses("Unassign…")
	s, err = w.Inventory.Site(t.Context(), w.ours, s.ID)
	w.fine(err)
	b.Types("typed", string(s.Secondary.Serial))
	b.Presses("Unassign for ever")
	b.Sees("Saved.")
	if s, err = w.Inventory.Site(t.Context(), w.ours, s.ID); err != nil || s.HA != nil || s.Native.LocalIP.String() != "10.0.1.4" {
		t.Errorf("%+v, %v", s, err)
	}
}

// What the overview shows of a failover follows the status within a second.
func TestBrowserFailoverLive(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.serving(s)
	b := w.browse("en")
	b.signIn(w.code)
	b.Open("/sites/" + s.ID)
	b.Sees("HA Ready")
	// The script notes when the picture changes; both clocks are this machine's.
	browsertest.Eval[bool](b.Browser, `(() => { const last = () => document.querySelector("#picture-about").textContent; let was = last();
		window.changed = []; window.loaded = performance.timeOrigin;
		new MutationObserver(() => { const now = last(); if (now !== was) { was = now; window.changed.push([Date.now(), now]); } })
			.observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true, attributes: true });
		return true; })()`)
	best := time.Hour
	for term := site.Term(2); term < 6; term++ {
		name, up, down := "Secondary", s.Secondary.Serial, s.Primary.Serial
		sides := [2]site.Side{site.Secondary, site.Primary}
		if term%2 == 1 {
			name, up, down, sides = "Primary", down, up, [2]site.Side{site.Primary, site.Secondary}
		}
		w.says(down, sides[1], stands(term))
		w.says(up, sides[0], serves(term))
		w.until(s.ID, func(now status.Site) bool {
			return (now.Master == status.IsSecondary) == (name == "Secondary") && now.Master != status.NoMaster
		})
		known := time.Now()
		is := fmt.Sprintf("window.changed.findLast(c => c[1].includes('Master: %s'))", name)
		b.Until(fmt.Sprintf("(%s?.[0] ?? 0) > %d", is, known.UnixMilli()-5000))
		took := time.UnixMilli(int64(browsertest.Eval[float64](b.Browser, is+"[0]"))).Sub(known)
		t.Logf("%s is Master: the picture changed %s after the status", name, took)
		best = min(best, took)
	}
	if best > time.Second {
		t.Errorf("the fastest took %s", best)
	}
	if browsertest.Eval[float64](b.Browser, "window.loaded === performance.timeOrigin ? 1 : 0") != 1 {
		t.Error("the page was loaded anew")
	}
}

// No page has anything that axe finds wrong, in either language and look, at a
// desk's width and a phone's.
func TestBrowserEachPage(t *testing.T) {
	browsertest.Need(t)
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	fresh := w.paris("lyon", 2, false)
	w.paris("nantes-dr", 3, true)
	s, err := w.Inventory.SetSite(t.Context(), w.ours, s.ID, inventory.Change{IfMatch: s.Generation}, inventory.Fields{Tags: &[]string{"europe", "prod"}})
	w.fine(err)
	w.serving(s)
	w.measured(s)
	w.tookOver(s.Secondary.Serial, site.Secondary, "7", 12*time.Hour)
	w.tookOver(s.Primary.Serial, site.Primary, "8", 9*time.Hour)
	w.happens(s.Secondary.Serial, site.Secondary, 1, event.FailOver, "the secondary took over")
	w.happens(s.Primary.Serial, site.Primary, 1, event.Disconnected, "the tunnel is down")
	w.happens(s.Primary.Serial, site.Primary, 2, event.FailOver, "the primary took over")
	changed, err := w.Inventory.AddRange(t.Context(), w.ours, s.ID, inventory.Change{IfMatch: s.Generation}, inventory.Range{Name: "servers", Prefix: mustPrefix("10.9.0.0/16")})
	w.fine(err)
	for _, k := range []inventory.VSocket{changed.Primary, *changed.Secondary} {
		w.fine(w.Inventory.Note(t.Context(), inventory.Progressed(k.Serial, inventory.Progress{Delivered: changed.Generation, Applied: changed.Generation})))
	}
	b := w.browse("en")
	before := []string{"/sign-in", "/welcome"}
	within := append(allPages(s), "/sites/"+s.ID+"/analytics?span=5m", "/sites/"+s.ID+"/restart/primary", "/sites/"+fresh.ID+"/restart/primary", "/sites/"+fresh.ID, "/sites/"+fresh.ID+"/socket", "/sites/"+fresh.ID+"/analytics", "/sites/"+fresh.ID+"/failovers", "/nothing")
	b.Open("/sign-in")
	b.EachLook(func(look string) {
		for _, path := range before {
			b.Looks(path, "manager-"+look+named(path), nil)
		}
	})
	b.signIn(w.code)
	b.EachLook(func(look string) {
		for _, path := range within {
			name := strings.NewReplacer("/"+s.ID, "-paris", "/"+fresh.ID, "-lyon").Replace(path)
			b.Looks(path, "manager-"+look+named(name), func() {
				if path == "/sites/"+s.ID+"/analytics" {
					b.Until("document.querySelectorAll('.u-wrap').length === 3")
				}
			})
		}
	})
}

// named is a path as part of a picture's name.
func named(path string) string {
	return strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(path)
}
