package webui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/webui/signin"
)

// Nobody sees anything before having signed in, and nothing works but that.
func TestNothingWithoutSignIn(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	for _, path := range []string{"/", "/ha", "/ha/journal", "/tools/ping", "/tools/capture/file", "/password"} {
		if response, body := b.do("GET", path, nil); response.StatusCode != http.StatusUnauthorized || strings.Contains(body, "10.102.2.100") {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
	for _, path := range []string{"/tools/ping", "/tools/ping/stop", "/password"} {
		if status, _, _ := b.post(path, "via", "LAN1", "host", "127.0.0.1", "count", "1"); status != http.StatusUnauthorized {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	if r.ui.shelf.Last("ping") != nil {
		t.Error("somebody unknown has pinged")
	}
	_, body := b.do("GET", "/live", nil)
	r.has(body, "event: end", "signed out")
	r.lacks(body, "10.102.2.100")
	if status, _, body := b.post("/sign-in", "password", "wrong", "return", "/"); status != http.StatusForbidden || !strings.Contains(body, "the password is wrong") {
		t.Errorf("a wrong password: %d", status)
	}
	for range 5 {
		b.post("/sign-in", "password", "wrong")
	}
	if status, _, _ := b.post("/sign-in", "password", password); status != http.StatusTooManyRequests {
		t.Errorf("the seventh attempt: %d", status)
	}
}

// Sessions end by signing out and after ten minutes, and cookies are the pages' own.
func TestSession(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	response, _ := b.do("POST", "/sign-in", url.Values{"password": {password}, "return": {"//elsewhere.example"}})
	cookie := response.Header.Get("Set-Cookie")
	for _, part := range []string{"__Host-releve-0123-session=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict"} {
		r.has(cookie, part)
	}
	if response.Header.Get("Location") != "/" {
		t.Errorf("sent to %q", response.Header.Get("Location"))
	}
	r.has(b.get("/"), "10.102.2.100")
	r.mu.Lock()
	r.clock = r.clock.Add(signin.Idle)
	r.mu.Unlock()
	if response, _ := b.do("GET", "/", nil); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("after ten minutes: %s", response.Status)
	}
	b = r.signedIn()
	b.post("/sign-out")
	if response, _ := b.do("GET", "/", nil); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("signed out: %s", response.Status)
	}
}

// Another site's page can't make a browser do anything here; nothing is fetched
// from elsewhere, and no script or style stands in a page.
func TestFences(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	request, err := http.NewRequestWithContext(t.Context(), "POST", r.server.URL+"/tools/ping", strings.NewReader("via=LAN1&host=127.0.0.1&count=1"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := b.client.Do(request)
	if err != nil || response.StatusCode != http.StatusForbidden || r.ui.shelf.Last("ping") != nil {
		t.Errorf("from another site: %v, %v", response.Status, err)
	}
	for _, path := range []string{"/", "/ha", "/tools/ping", "/tools/traceroute", "/tools/api-test", "/tools/capture", "/password"} {
		response, body := b.do("GET", path, nil)
		if csp := response.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		r.lacks(body, " style=", "<style", "<script>", "onclick", "http://", "https://", "⟨")
	}
}

// Monitoring says who is Master, how the links, tunnel, keepalives and FIP are, in
// both languages, and follows a change by itself.
func TestMonitoring(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	r.has(b.get("/"), "Master in term 7: forwards the site&#39;s traffic. HA is Ready.", "paris-1", "10.102.2.100", "on this vSocket&#39;s NIC", "LAN 12 ms ago, MGMT 34 ms ago",
		"144000 good, 2 refused", "12.4 ms", "LAN1", "127.0.0.1/8", "not there", `hx-sse:connect="/live"`)
	b.lang = "fr"
	page := b.get("/")
	r.has(page, `lang="fr"`, "Maître du mandat 7 : achemine le trafic du site. La HA est prête.", "sur la carte de ce vSocket", "12,4 ms", "Même version")
	r.lacks(page, `lang="en">`+"\n", "forwards the site")
	b.lang = "en"
	r.change(func(s *site.Status) {
		s.Master, s.Role, s.Holder, s.Term = false, site.Standby, site.Secondary, 8
		s.Peer.Role, s.FIP.On = site.Active, "peer"
		s.Summary = "Standby. HA is Not ready (Keepalive: the peer was never heard on the LAN)."
		s.HA.Ready, s.HA.Indicators[1].OK, s.HA.Indicators[1].Reason = false, false, "the peer was never heard on the LAN"
	})
	r.has(b.get("/"), "the other vSocket", "on the other&#39;s NIC", "Not ready", "UDP 20480", "8, held by the secondary")
	b.lang = "fr"
	r.has(b.get("/"), "En veille. La HA n&#39;est pas prête (Keepalive : l&#39;autre n&#39;a jamais été entendu sur le LAN).")
}

// B7: without HA settings the page says that two such vSockets are a split brain,
// and what ends it.
func TestSplitBrainB7(t *testing.T) {
	r := newRig(t)
	r.change(func(s *site.Status) { s.HA = site.HAStatus{}; s.Tunnel, s.Witness = nil, nil })
	r.has(r.signedIn().get("/"), "split brain", "Set HA up to end it", "this vSocket, by itself")
}

// Without the agent the pages are there, say so, and show the links.
func TestWithoutAgent(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	if err := r.closeDoor(); err != nil {
		t.Fatal(err)
	}
	r.has(b.get("/"), "the agent is not running", "127.0.0.1/8")
	r.has(b.get("/ha"), "the agent is not running")
	r.has(b.get("/tools/ping"), "Route via")
}

// B13: the timeline, the newest first, with the time between two entries.
func TestTimelineB13(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	page := b.get("/ha?since=24h")
	r.has(page, "peer silent", "term 7 at the witness", "+12 ms", `href="/ha?since=24h" aria-current="true"`)
	if strings.Index(page, "steering done") > strings.Index(page, "peer silent") {
		t.Error("the oldest is first")
	}
	response, body := b.do("GET", "/ha/journal?since=24h", nil)
	if n := strings.Count(body, "\n"); n != len(takeover(time.Now())) || !strings.Contains(response.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d lines to download", n)
	}
}

// The password changes by who knows it, twice typed alike, and ends the session.
func TestChangePassword(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	for _, c := range []struct{ present, chosen, again, says string }{
		{password, "another long one", "another lon one", "the two new passwords differ"},
		{"not this one", "another long one", "another long one", "the password is wrong"},
		{password, "short", "short", "a password has 12 characters"},
	} {
		if status, _, body := b.post("/password", "present", c.present, "password", c.chosen, "again", c.again); status < 400 || !strings.Contains(body, c.says) {
			t.Errorf("%+v: %d", c, status)
		}
	}
	if status, to, _ := b.post("/password", "present", password, "password", "another long one", "again", "another long one"); status != http.StatusSeeOther || to != "/sign-in" {
		t.Errorf("%d to %q", status, to)
	}
	if response, _ := b.do("GET", "/", nil); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("with the former password's session: %s", response.Status)
	}
	if _, err := r.ui.Door.SignIn(t.Context(), "", "another long one"); err != nil {
		t.Error(err)
	}
}

// Language and look are kept, and nothing else is taken.
func TestLook(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	if _, to, _ := b.post("/look", "lang", "fr", "look", "dark", "return", "/tools/ping"); to != "/tools/ping" {
		t.Errorf("sent to %q", to)
	}
	b.post("/look", "lang", "xx", "look", "pink", "return", "https://elsewhere.example")
	_, page := b.do("GET", "/sign-in", nil)
	r.has(page, `lang="fr"`, `data-bs-theme="dark"`, "Connexion")
}
