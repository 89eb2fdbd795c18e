package ui

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// Who isn't known is asked to sign in, and comes back to the page; a link of another
// host leads nowhere.
func TestSignIn(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	w.want(w.get("/sites"), http.StatusOK, "Sites")
	w.want(w.post("/sign-out", nil), http.StatusSeeOther)
	asked := w.want(w.get("/events?kind=connected"), http.StatusSeeOther)
	if to := asked.header.Get("Location"); to != "/sign-in?return=%2Fevents%3Fkind%3Dconnected" {
		t.Errorf("sent to %q", to)
	}
	w.want(w.post("/sign-in", url.Values{"person": {"owner"}, "password": {"wrong"}}), http.StatusUnauthorized, "name or password is wrong")
	w.want(w.post("/sign-in", url.Values{"person": {"owner"}, "password": {"wrong"}}, "Accept-Language: fr"), http.StatusUnauthorized, "le nom ou le mot de passe est faux")
	for given, want := range map[string]string{"/events": "/events", "//evil.example": "/", "https://evil.example/": "/", `/\evil`: "/", "": "/"} {
		in := w.want(w.post("/sign-in", url.Values{"person": {"owner"}, "password": {password}, "return": {given}}), http.StatusSeeOther)
		if to := in.header.Get("Location"); to != want {
			t.Errorf("%q leads to %q", given, to)
		}
	}
}

// A page of another site can't make a browser change anything.
func TestOtherSitesChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	form := url.Values{"name": {"paris"}, "native": {"10.0.1.0/24"}, "primary_ip": {"10.0.1.4"}}
	w.want(w.post("/sites/new", form, "Sec-Fetch-Site: cross-site"), http.StatusForbidden)
	w.want(w.post("/sites/new", form, "Origin: https://evil.example"), http.StatusForbidden)
	w.want(w.get("/sites"), http.StatusOK, "There is no site yet")
}

// Each answer says what a browser may load, and no page has a script or a style in it.
func TestContentSecurityPolicy(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.signedIn(w.code)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|<script(>|\s+[^>]*[^>]>[^<])|\son[a-z]+=|javascript:`)
	for _, path := range append(allPages(s), "/nothing") {
		p := w.get(path)
		if policy := p.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %q", path, policy)
		}
		if found := inline.FindString(p.body); found != "" {
			t.Errorf("%s has %q in it", path, found)
		}
		if strings.Contains(p.body, "⟨") {
			t.Errorf("%s lacks a text", path)
		}
	}
}

// allPages are those of somebody who has signed in.
func allPages(s inventory.Site) []string {
	of := "/sites/" + s.ID
	return []string{"/sites", "/sites/new", of, of + "/socket", of + "/networks", of + "/analytics", of + "/failovers", of + "/events", of + "/unassign", "/events", "/audit",
		of + "/settings", of + "/delete", "/people", "/people/new", "/account", "/account/tokens", "/settings", "/settings/pops"}
}

// generation is the one that a page's forms have.
func generation(p page) string {
	found := regexp.MustCompile(`name="generation" value="(\d+)"`).FindStringSubmatch(p.body)
	if found == nil {
		return ""
	}
	return found[1]
}

// The whole work flow E1 to E9, without a script.
func TestWithoutScript(t *testing.T) {
	w := newWorld(t)
	w.signedIn(w.code)
	wrong := url.Values{"name": {"paris"}, "native": {"10.0.1.0/24"}, "primary_ip": {"10.0.1.3"}}
	w.want(w.post("/sites/new", wrong), http.StatusUnprocessableEntity, "10.0.1.3 is reserved by Azure", `aria-invalid="true"`)
	w.want(w.post("/sites/new?check=1", wrong), http.StatusOK, "10.0.1.3 is reserved by Azure")
	wrong.Set("primary_ip", "10.0.1.4")
	made := w.want(w.post("/sites/new", wrong), http.StatusSeeOther)
	path, _, _ := strings.Cut(made.header.Get("Location"), "/socket")
	id := strings.TrimPrefix(path, "/sites/")
	w.want(w.get(path+"/socket"), http.StatusOK, "be added yet", "Make an enrolment key")
	w.want(w.post(path+"/key/primary", nil), http.StatusOK, "RLV-")
	s, err := w.Inventory.Site(t.Context(), w.ours, id)
	w.fine(err)
	w.enrolled(s.Primary.Serial)
	w.want(w.get(path+"/socket"), http.StatusOK, "Add secondary socket")
	ask := w.want(w.get(path+"/secondary"), http.StatusOK)
	form := url.Values{"generation": {generation(ask)}, "secondary_ip": {"10.0.1.5"}, "floating_ip": {"10.0.1.4"}}
	w.want(w.post(path+"/secondary", form), http.StatusUnprocessableEntity, "floating IP 10.0.1.4 is the management IP of the primary")
	form.Set("floating_ip", "10.0.1.6")
	w.want(w.post(path+"/secondary", form), http.StatusSeeOther)
	socket := w.want(w.get(path+"/socket"), http.StatusOK, "High availability", "10.0.1.6")
	ha := url.Values{"generation": {generation(socket)}, "floating_ip": {"10.0.1.9"}, "primary_ip": {"10.0.1.4"}, "secondary_ip": {"10.0.1.5"}}
	w.want(w.post(path+"/ha", ha), http.StatusSeeOther)
	w.want(w.post(path+"/ha", ha), http.StatusConflict, "somebody changed it since")
	networks := w.want(w.get(path+"/networks"), http.StatusOK, "10.0.1.9")
	added := url.Values{"generation": {generation(networks)}, "name": {"servers"}, "prefix": {"10.9.0.0/16"}, "gateway": {"10.0.2.7"}}
	w.want(w.post(path+"/ranges", added), http.StatusUnprocessableEntity, "10.0.2.7")
	added.Set("gateway", "")
	w.want(w.post(path+"/ranges", added), http.StatusSeeOther)
	w.want(w.get(path+"/networks"), http.StatusOK, "The Azure default router, 10.0.1.1")
	w.unassigns(path, id)
}

// unassigns needs the serial number to be typed (E9).
func (w *world) unassigns(path, id string) {
	w.t.Helper()
	s, err := w.Inventory.Site(w.t.Context(), w.ours, id)
	w.fine(err)
	asked := w.want(w.get(path+"/unassign"), http.StatusOK, "be undone")
	form := url.Values{"generation": {generation(asked)}, "typed": {"RLV-0000-0000"}}
	w.want(w.post(path+"/unassign", form), http.StatusUnprocessableEntity, "the secondary&#39;s serial number")
	form.Set("typed", string(s.Secondary.Serial))
	w.want(w.post(path+"/unassign", form), http.StatusSeeOther)
	w.want(w.get(path+"/socket"), http.StatusOK, "Add secondary socket")
	if now, err := w.Inventory.VSocket(w.t.Context(), w.ours, s.Secondary.Serial); err != nil || now.State != inventory.StateVoid {
		w.t.Errorf("%+v, %v", now, err)
	}
}

// A viewer is offered no change, and can't make one (E11).
func TestViewer(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.signedIn(w.person("viewer", access.Viewer))
	for _, path := range allPages(s) {
		switch p := w.get(path); {
		case path == "/sites/new" || path == "/audit" || strings.HasPrefix(path, "/people") || strings.HasSuffix(path, s.ID+"/settings") || strings.HasSuffix(path, "/delete") || strings.HasSuffix(path, "/unassign"):
			w.want(p, http.StatusForbidden)
		default:
			for _, form := range regexp.MustCompile(`method="post" action="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
				if form[1] != "/look" && form[1] != "/sign-out" && !strings.HasPrefix(form[1], "/account/") { // their own
					t.Errorf("%s offers %s", path, form[1])
				}
			}
		}
	}
	w.want(w.post("/sites/"+s.ID+"/ha", url.Values{"generation": {strconv.FormatUint(s.Generation, 10)}, "floating_ip": {"10.0.1.9"}}), http.StatusForbidden)
	now, err := w.Inventory.Site(t.Context(), w.ours, s.ID)
	w.fine(err)
	if now.Generation != s.Generation {
		t.Error("a viewer has changed something")
	}
}

// Sites are found by name, serial number and health.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.paris("lyon_1", 2, false)
	w.paris("lyonx1", 3, false)
	w.serving(s)
	w.signedIn(w.code)
	for query, want := range map[string]string{"": "lyon_1 lyonx1 paris", "?q=LYON": "lyon_1 lyonx1", "?q=n_": "lyon_1", "?q=" + strings.ToLower(string(s.Secondary.Serial)): "paris",
		"?health=ready": "paris", "?health=new": "lyon_1 lyonx1", "?health=ready&q=lyon": "", "?after=lyon_1": "lyonx1 paris", "?q=%25": ""} {
		p := w.want(w.get("/sites"+query), http.StatusOK)
		var names []string
		for _, found := range regexp.MustCompile(`<th scope="row"><a href="[^"]*">([^<]*)<`).FindAllStringSubmatch(p.body, -1) {
			names = append(names, found[1])
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	w.says(s.Secondary.Serial, site.Secondary, func(s *site.Status) { s.Tunnel.Up = false })
	w.until(s.ID, func(now status.Site) bool { return !now.HA.Ready })
	w.want(w.get("/sites?health=not-ready"), http.StatusOK, "paris", "the secondary: its tunnel is down")
}

// A site is renamed and timed; a form that is refused says what is wrong at its field,
// and keeps what was typed. It is deleted once its name was typed, and not before its
// secondary has gone.
func TestSiteSettings(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	fresh := w.paris("lyon", 2, false)
	w.signedIn(w.code)
	of := "/sites/" + s.ID
	form := url.Values{"generation": {generation(w.get(of + "/settings"))}, "keepalive": {"1ms"}, "preempt": {"off"}, "hold": {"soon"}}
	w.want(w.post(of+"/timing", form), http.StatusUnprocessableEntity, `hold &#34;soon&#34; isn&#39;t a time`, `value="1ms"`, `value="off" selected`)
	form.Set("hold", "20s")
	w.want(w.post(of+"/timing?check=1", form), http.StatusOK, "keepalive 1ms is not between 10ms and 1s")
	form.Set("keepalive", "")
	w.want(w.post(of+"/timing", form), http.StatusSeeOther)
	w.want(w.get(of+"/settings"), http.StatusOK, `value="20s"`, `value="off" selected`)
	if now, err := w.Inventory.Site(t.Context(), w.ours, s.ID); err != nil || now.HA.Settings.Preempt != "off" || now.HA.FloatingIP != s.HA.FloatingIP {
		t.Errorf("%+v, %v", now, err)
	}
	pop, err := w.Inventory.AddPoP(t.Context(), w.ours, "pop 1", inventory.Change{})
	w.fine(err)
	general := url.Values{"generation": {generation(w.get(of + "/settings"))}, "name": {"lyon"}, "pops": {"pop 1, nowhere"}}
	w.want(w.post(of+"/settings", general), http.StatusUnprocessableEntity, "there is no PoP &#34;nowhere&#34;")
	general.Set("pops", pop.Name)
	w.want(w.post(of+"/settings", general), http.StatusConflict, "there is a site", `aria-invalid="true"`)
	general.Set("name", "paris-prod")
	w.want(w.post(of+"/settings", general), http.StatusSeeOther)
	w.want(w.get(of+"/settings"), http.StatusOK, "paris-prod", `value="pop 1"`, "unassign that first")
	gone := url.Values{"generation": {generation(w.get(of + "/delete"))}, "typed": {"paris-prod"}}
	w.want(w.post(of+"/delete", gone), http.StatusConflict, "has a secondary vSocket")
	of = "/sites/" + fresh.ID
	gone = url.Values{"generation": {generation(w.get(of + "/delete"))}, "typed": {"paris"}}
	w.want(w.post(of+"/delete", gone), http.StatusUnprocessableEntity, "this isn&#39;t the site&#39;s name")
	gone.Set("typed", "lyon")
	w.want(w.post(of+"/delete", gone), http.StatusSeeOther)
	w.want(w.get(of), http.StatusNotFound)
}
