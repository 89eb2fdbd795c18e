package ui

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/takeover"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/site"
)

// tookOver keeps what a vSocket tells of a takeover like those with Azure's profile
// fast, and returns when its term was granted.
func (w *world) tookOver(serial site.Serial, side site.Side, term string, ago time.Duration) time.Time {
	w.t.Helper()
	first := time.Now().Add(-ago).UTC()
	var rows []site.Entry
	for _, r := range []struct {
		ms           float64
		what, detail string
	}{
		{0, "peer suspect", "nothing heard for 100 ms"}, {100.4, "peer silent", "on every path, last heard 201 ms ago"},
		{101, "ha not ready", "Keepalive: nothing heard on the LAN for 0.3 s"}, {1103.8, "claim", "term " + term + ": the active peer is silent"},
		{1103.8, "claiming", "the active peer is silent"}, {1103.9, "arm write", "peer NIC: claim term " + term + ", and take the floating IP off"},
		{4711.1, "term granted", "term " + term + ", after the active peer is silent"}, {4711.1, "active", "term " + term},
		{4727.9, "arm write", "own NIC: put the floating IP on"}, {7795.1, "floating ip read back", "on the own NIC"},
		{7795.2, "gate opened", "term " + term}, {8680.4, "steering done", "the floating IP is on the own NIC alone"},
	} {
		at := time.Duration(r.ms * float64(time.Millisecond))
		rows = append(rows, site.Entry{Wall: first.Add(at), At: time.Hour + at, Who: side.String(), What: r.what, Detail: r.detail})
	}
	found, _ := takeover.Cut(rows, side, time.Now().Add(time.Hour))
	if len(found) != 1 {
		w.t.Fatalf("%d takeovers", len(found))
	}
	raw, err := found[0].Encode()
	w.fine(err)
	refused, err := w.Takeovers.Keep(context.Background(), []takeovers.Sent{{Serial: string(serial), Body: raw}})
	w.fine(err)
	if refused != 0 {
		w.t.Fatal("a takeover can't be kept")
	}
	return found[0].Granted()
}

// A takeover is shown with each row of the vSocket's, Azure's time apart, in both
// languages; charts mark it.
func TestTakeovers(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.signedIn(w.code)
	path := "/sites/" + s.ID
	w.want(w.get(path+"/failovers"), http.StatusOK, "No failover yet")
	w.want(w.get(path+"/analytics?span=1h"), http.StatusOK, "None. A failover is marked")
	granted := w.tookOver(s.Secondary.Serial, site.Secondary, "7", 10*time.Minute)
	p := w.want(w.get(path+"/failovers"), http.StatusOK, "Secondary takes over", "Served after 7.80 s: Azure 6.67 s, Relève 1.12 s", string(s.Secondary.Serial),
		"own NIC: put the floating IP on", "+7.795 s", "3.07 s", "floating ip read back")
	if n := strings.Count(p.body, "<tr>"); n != 13 {
		t.Errorf("%d rows", n)
	}
	if n := strings.Count(p.body, `<rect class="called"`); n != 2*2 { // for a desk and for a phone
		t.Errorf("%d calls are drawn", n)
	}
	w.want(w.get(path+"/failovers", "Accept-Language: fr"), http.StatusOK, "Servi après 7,80 s", "carte propre : mettre l&#39;IP flottante", "IP flottante relue")
	w.want(w.get(path+"/failovers?after=nonsense"), http.StatusUnprocessableEntity)
	w.want(w.get(path+"/analytics?span=1h"), http.StatusOK, granted.Format("2006-01-02 15:04:05"), `data-role="secondary"`)
	w.want(w.get(path+"/analytics?span=5m"), http.StatusOK, "None. A failover is marked", `data-every="10"`)
}

// A chart without figures says why.
func TestNothingMeasured(t *testing.T) {
	w := newWorld(t)
	fresh, s := w.paris("lyon", 2, false), w.paris("paris", 1, true)
	w.signedIn(w.code)
	w.want(w.get("/sites/"+fresh.ID+"/analytics"), http.StatusOK, "No vSocket has connected yet")
	w.want(w.get("/sites/"+s.ID+"/analytics?span=5m"), http.StatusOK, "No vSocket is connected now")
	w.serving(s)
	w.want(w.get("/sites/"+s.ID+"/analytics?span=5m"), http.StatusOK, "while somebody looks")
	w.want(w.get("/sites/"+s.ID+"/analytics"), http.StatusOK, "No vSocket was heard in this span")
}

// Sites are found by tag, which are words in any order and case.
func TestTags(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, false)
	w.paris("lyon", 2, false)
	w.signedIn(w.code)
	form := url.Values{"generation": {"1"}, "name": {"paris"}, "tags": {"prod, Europe_"}}
	w.want(w.post("/sites/"+s.ID+"/settings", form), http.StatusUnprocessableEntity, "only letters from a to z")
	form.Set("tags", "prod, Europe prod")
	w.want(w.post("/sites/"+s.ID+"/settings", form), http.StatusSeeOther)
	w.want(w.get("/sites/"+s.ID), http.StatusOK, `<a href="/sites?tag=europe">europe</a>`)
	if p := w.want(w.get("/sites?tag=europe"), http.StatusOK, ">paris</a>", "Any tag"); strings.Contains(p.body, ">lyon</a>") {
		t.Error("lyon has no such tag")
	}
	w.want(w.get("/sites?tag=euro"), http.StatusOK, "No site fits")
	w.want(w.get("/sites?tag=%25"), http.StatusOK, "No site fits")
	made := url.Values{"name": {"nantes"}, "native": {"10.0.9.0/24"}, "primary_ip": {"10.0.9.4"}, "tags": {"prod"}}
	w.want(w.post("/sites/new", made), http.StatusSeeOther)
	w.want(w.get("/sites?tag=prod"), http.StatusOK, ">paris</a>", ">nantes</a>")
}

// A restart that cuts the traffic off wants a word more; a viewer isn't offered any;
// who asks has to have shown who they are; and the order of one that isn't here fails.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.signedIn(w.code)
	path := "/sites/" + s.ID + "/restart/primary"
	p := w.want(w.get(path), http.StatusOK, "cut off until it is back", `name="force"`)
	if strings.Contains(p.body, `type="password"`) {
		t.Error("a password is asked for of who has just given it")
	}
	w.want(w.post(path, url.Values{}), http.StatusConflict, "would cut the site")
	w.serving(s)
	if p := w.want(w.get(path), http.StatusOK, "the other vSocket takes over first"); strings.Contains(p.body, `name="force"`) {
		t.Error("force is offered where nothing is cut off")
	}
	w.want(w.post(path, url.Values{}), http.StatusConflict, "connected to this manager", "systemctl restart releve-vsocket")
	w.want(w.get("/sites/"+s.ID+"/restart/third"), http.StatusNotFound)
	w.says(s.Secondary.Serial, site.Secondary, func(s *site.Status) { s.Tunnel.Up = false })
	w.until(s.ID, func(now status.Site) bool { return !now.HA.Ready })
	w.want(w.post("/sites/"+s.ID+"/restart/secondary", url.Values{}), http.StatusConflict, "connected to this manager") // the primary serves on
	list, err := w.Inventory.Audit(t.Context(), w.ours, inventory.Page{})
	w.fine(err)
	if raw, err := json.Marshal(list.Items); err != nil || strings.Contains(string(raw), "socket.restart") {
		t.Errorf("what was never ordered is in the log: %s, %v", raw, err)
	}
	viewer := w.another().signedIn(w.person("viewer", access.Viewer))
	viewer.want(viewer.get(path), http.StatusForbidden)
	viewer.want(viewer.post(path, url.Values{}), http.StatusForbidden)
}
