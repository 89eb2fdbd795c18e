package browser

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/web/browsertest"
)

// One lab serves all: it takes half a minute to come up.
func TestThePagesOfALab(t *testing.T) {
	l := rise(t)
	b := browsertest.Start(t, l.manager, "en")
	for _, step := range []struct {
		name string
		do   func(*testing.T, *browsertest.Browser)
	}{
		{"the first owner comes in by the link", l.comesIn},
		{"both vSockets reach the floating IP", l.pings},
		{"the API test names what is wrong, then passes", l.apiTests},
		{"a vSocket's pages through the manager", l.passes},
		{"a failover is seen within a second", l.watches},
	} {
		if !t.Run(step.name, func(t *testing.T) { l.t = t; step.do(t, b.With(t)) }) {
			return
		}
	}
}

const password = "correct horse battery"

func (l *lab) comesIn(t *testing.T, b *browsertest.Browser) {
	code, err := l.Owner().Invite(t.Context(), "owner")
	if err != nil {
		t.Fatal(err)
	}
	b.Open("/welcome#" + url.PathEscape(code))
	b.Until(fmt.Sprintf("document.getElementById('code').value === %q", code))
	b.Types("password", password)
	b.Presses("Set the password and sign in")
	b.Until("location.pathname === '/sites'")
	b.Sees("HA Ready")
}

// knocks signs in at a vSocket's own pages, at an address.
func (l *lab) knocks(b *browsertest.Browser, at, node string) *browsertest.Browser {
	b.Base = at
	b.Open("/")
	b.Types("password", l.PagesPassword(node))
	b.Presses("Sign in")
	b.Sees(azuresite.FloatingIP.String())
	return b
}

// F8, F4: the floating IP is pinged from both vSockets.
func (l *lab) pings(t *testing.T, b *browsertest.Browser) {
	for _, node := range []string{world.Primary, world.Secondary} {
		l.knocks(b, l.pages[node], node)
		b.Open("/tools/ping?via=LAN1&host=" + azuresite.FloatingIP.String())
		b.Types("count", "2")
		b.Presses("Run")
		b.Sees("2 sent, 2 received")
	}
}

// F5 to F7: the two failures with their messages, each by what is really wrong in
// Azure; then all is right again.
func (l *lab) apiTests(t *testing.T, b *browsertest.Browser) {
	b.Base = l.pages[world.Secondary]
	tested := func(want string) {
		t.Helper()
		b.Open("/tools/api-test")
		b.Presses("Run")
		b.Sees(want)
	}
	if err := l.Fault(t.Context(), world.Azure, "denied"); err != nil {
		t.Fatal(err)
	}
	tested(apitest.ProblemAccess)
	if err := l.Mend(world.Azure, "denied"); err != nil {
		t.Fatal(err)
	}
	l.forwards(false)
	tested(apitest.ProblemNIC)
	l.forwards(true)
	tested("API test passed")
}

// forwards sets IP forwarding on the secondary's LAN NIC, as somebody by hand would.
func (l *lab) forwards(on bool) {
	l.t.Helper()
	var nic struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	body, err := l.NIC(site.Secondary)
	var whole map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(body, &whole)
	}
	if err == nil {
		err = json.Unmarshal(body, &nic)
	}
	if err == nil {
		nic.Properties["enableIPForwarding"] = json.RawMessage(fmt.Sprint(on))
		whole["properties"], err = json.Marshal(nic.Properties)
	}
	if err == nil {
		body, err = json.Marshal(whole)
	}
	if err == nil {
		err = l.ARM().Place(l.Layout().LANNIC(site.Secondary), string(body))
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// F4: the Actions of the page Socket lead to a vSocket's own pages, with no way to it
// but its session with the manager.
func (l *lab) passes(t *testing.T, b *browsertest.Browser) {
	b.Base = l.manager
	b.Open("/sites/" + l.Site() + "/socket")
	b.Presses("WebUI") // the primary's is the first
	b.Sees("is open, for you alone")
	link := browsertest.Eval[string](b, `document.querySelector("main a[target=_blank]").origin`)
	l.knocks(b, link, world.Primary)
	b.Sees("primary")
}

// F10: what the overview shows follows a failover within a second of the vSocket's own
// word, without a reload. Both clocks are this machine's.
func (l *lab) watches(t *testing.T, b *browsertest.Browser) {
	b.Base = l.manager
	b.Open("/sites/" + l.Site())
	b.Sees("HA Ready")
	b.Until(`document.querySelector("#picture-about").textContent.includes("Master: Primary")`)
	browsertest.Eval[bool](b, `(() => { window.loaded = performance.timeOrigin; window.seen = 0;
		new MutationObserver(() => { if (!window.seen && document.querySelector("#picture-about").textContent.includes("Master: Secondary")) window.seen = Date.now(); })
			.observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true, attributes: true });
		return true; })()`)
	began := time.Now()
	if err := l.Fault(t.Context(), world.Primary, "crash"); err != nil {
		t.Fatal(err)
	}
	opened := l.entry(world.Secondary, report.WhatOpened, began)
	b.Until("window.seen > 0")
	took := time.UnixMilli(int64(browsertest.Eval[float64](b, "window.seen"))).Sub(opened)
	t.Logf("the secondary serves %s after the crash; the picture shows it %s later", opened.Sub(began).Round(time.Millisecond), took.Round(time.Millisecond))
	if took > time.Second {
		t.Errorf("the picture shows the new role %s after the vSocket has it", took)
	}
	if !browsertest.Eval[bool](b, "window.loaded === performance.timeOrigin") {
		t.Error("the page was loaded anew")
	}
}
