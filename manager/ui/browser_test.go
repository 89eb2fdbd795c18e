package ui

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// found is a browser of this machine, or "".
var found = sync.OnceValue(func() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
})

// browser is a real one, at a world.
type browser struct {
	t    testing.TB
	ctx  context.Context
	base string
}

// browse starts one. It reaches loopback alone.
func (w *world) browse(language string) *browser {
	w.t.Helper()
	if found() == "" {
		w.t.Skip("no Chromium or Chrome on this machine")
	}
	base := w.serve() // closed once the browser has gone
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(found()), chromedp.IgnoreCertErrors, chromedp.WindowSize(1280, 900),
		chromedp.Flag("lang", language), chromedp.Flag("accept-lang", language), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"))
	if os.Geteuid() == 0 { // its sandbox wants an ordinary user
		options = append(options, chromedp.NoSandbox)
	}
	allocated, freed := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocated)
	w.t.Cleanup(func() { stop(); freed() })
	b := &browser{t: w.t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		w.t.Fatalf("starting %s: %v", found(), err)
	}
	return b
}

// patience is how long a step may take on a busy machine.
const patience = 30 * time.Second

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.text())
	}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do("opening "+path, chromedp.Navigate(b.base+path))
}

// eval is what an expression is, once it is settled.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.80s: %v", expression, err)
	}
	return value
}

// text is what a person reads on the page.
func (b *browser) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("location.pathname + '\\n' + document.body.innerText"))
	return text
}

// sees waits until the page says a text.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// until asks again and again, for an answer is lost when the page goes to another.
func (b *browser) until(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition)); err == nil && is {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			b.t.Fatalf("never: %s\n%s", condition, b.text())
		}
	}
}

// types puts a text into a field in place of what is there.
func (b *browser) types(field, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.getElementById(%q)?.value !== undefined && document.readyState === 'complete'", field))
	eval[string](b, fmt.Sprintf("document.getElementById(%q).value = ''", field))
	b.do("typing into "+field, chromedp.SendKeys("#"+field, text))
}

// presses a button or a link by what is written on it.
func (b *browser) presses(label string) {
	b.t.Helper()
	b.do("pressing "+label, chromedp.Click(fmt.Sprintf(`//main//*[self::a or self::button][normalize-space()=%q]`, label)))
}

// signIn goes in by the link with the one-time code.
func (b *browser) signIn(code string) {
	b.t.Helper()
	b.open("/welcome#" + url.PathEscape(code))
	b.until(fmt.Sprintf("document.getElementById('code').value === %q", code))
	b.types("password", password)
	b.do("going in", chromedp.Click("main form button"))
	b.until("location.pathname === '/sites'")
}

// The work flow E1 to E9 by clicking, with the checks as one types.
func TestBrowserWorkFlow(t *testing.T) {
	w := newWorld(t)
	b := w.browse("en")
	b.signIn(w.code)
	b.presses("New site")
	b.until("location.pathname === '/sites/new'")
	b.types("name", "paris")
	b.types("native", "10.0.1.0/24")
	b.types("primary_ip", "10.0.1.3")
	b.sees("10.0.1.3 is reserved by Azure")
	b.types("primary_ip", "10.0.1.4")
	b.until("!document.querySelector('.wrong')")
	b.presses("Make the site")
	b.sees("be added yet")
	list, err := w.Inventory.Sites(t.Context(), w.ours, inventory.Page{})
	w.fine(err)
	s := list.Items[0]
	b.presses("Make an enrolment key")
	b.sees(string(s.Primary.Serial) + ".")
	b.presses("I have it")
	b.until("location.pathname === '/sites/" + s.ID + "'")
	b.presses("Socket")
	w.enrolled(s.Primary.Serial)
	w.says(s.Primary.Serial, site.Primary, serves(1))
	b.sees("Add secondary socket") // by itself
	b.presses("Add secondary socket")
	b.types("secondary_ip", "10.0.1.5")
	b.types("floating_ip", "10.0.1.5")
	b.sees("is the management IP of the secondary")
	b.types("floating_ip", "10.0.1.6")
	b.until("!document.querySelector('.wrong')")
	b.presses("Add")
	b.sees("High availability")
	b.types("floating_ip", "10.0.1.9")
	b.presses("Save")
	b.sees("Saved.")
	b.presses("Networks")
	b.sees("10.0.1.9")
	b.types("name", "servers")
	b.types("prefix", "10.9.0.0/16")
	b.presses("Add")
	b.sees("The Azure default router, 10.0.1.1")
	b.presses("Socket")
	b.presses("Unassign…")
	s, err = w.Inventory.Site(t.Context(), w.ours, s.ID)
	w.fine(err)
	b.types("typed", string(s.Secondary.Serial))
	b.presses("Unassign for ever")
	b.sees("Saved.")
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
	b.open("/sites/" + s.ID)
	b.sees("HA Ready")
	// The script notes when the picture changes; both clocks are this machine's.
	eval[bool](b, `(() => { const last = () => document.querySelector("#picture-about").textContent; let was = last();
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
		b.until(fmt.Sprintf("(%s?.[0] ?? 0) > %d", is, known.UnixMilli()-5000))
		took := time.UnixMilli(int64(eval[float64](b, is+"[0]"))).Sub(known)
		t.Logf("%s is Master: the picture changed %s after the status", name, took)
		best = min(best, took)
	}
	if best > time.Second {
		t.Errorf("the fastest took %s", best)
	}
	if eval[float64](b, "window.loaded === performance.timeOrigin ? 1 : 0") != 1 {
		t.Error("the page was loaded anew")
	}
}

// No page has anything that axe finds wrong, in either language and look, at a
// desk's width and a phone's; none asks another host for anything, nor is wider than
// a phone. Pictures of them go where RELEVE_SCREENSHOTS says.
func TestBrowserEachPage(t *testing.T) {
	if found() == "" {
		t.Skip("no Chromium or Chrome on this machine")
	}
	axe, err := os.ReadFile(filepath.Join("testdata", "axe.js"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	fresh := w.paris("lyon", 2, false)
	w.paris("nantes-dr", 3, true)
	s, err = w.Inventory.SetSite(t.Context(), w.ours, s.ID, inventory.Change{IfMatch: s.Generation}, inventory.Fields{Tags: &[]string{"europe", "prod"}})
	w.fine(err)
	w.serving(s)
	w.measured(s)
	w.happens(s.Secondary.Serial, site.Secondary, 1, event.FailOver, "the secondary took over")
	w.happens(s.Primary.Serial, site.Primary, 1, event.Disconnected, "the tunnel is down")
	w.tookOver(s.Secondary.Serial, site.Secondary, "7", 3*time.Hour)
	w.tookOver(s.Primary.Serial, site.Primary, "8", 26*time.Hour)
	_, err = w.Inventory.AddRange(t.Context(), w.ours, s.ID, inventory.Change{IfMatch: s.Generation}, inventory.Range{Name: "servers", Prefix: mustPrefix("10.9.0.0/16")})
	w.fine(err)
	b := w.browse("en")
	for _, path := range []string{"/sign-in", "/welcome"} {
		b.looks(path, "", string(axe))
	}
	b.signIn(w.code)
	pages := append(allPages(s), "/sites/"+s.ID+"/analytics?span=5m", "/sites/"+fresh.ID+"/analytics", "/sites/"+s.ID+"/restart/primary", "/sites/"+fresh.ID+"/restart/primary", "/sites/"+fresh.ID, "/sites/"+fresh.ID+"/socket", "/nothing")
	for _, look := range []string{"light", "dark"} {
		for _, lang := range []string{"en", "fr"} {
			eval[bool](b, fmt.Sprintf(`fetch("/look", {method: "POST", body: new URLSearchParams({lang: %q, look: %q})}).then(() => true)`, lang, look))
			for _, path := range pages {
				name := strings.NewReplacer("/"+s.ID, "-paris", "/"+fresh.ID, "-lyon").Replace(path)
				b.looks(path, fmt.Sprintf("%s-%s%s", look, lang, strings.ReplaceAll(name, "/", "-")), string(axe))
			}
		}
	}
}

// looks opens a page and lets axe look at it.
func (b *browser) looks(path, name, axe string) {
	b.t.Helper()
	b.open(path)
	if strings.HasSuffix(path, "/analytics") && strings.Contains(name, "paris") {
		b.until("document.querySelectorAll('.u-wrap').length === 3")
	}
	eval[bool](b, axe+"\n; true")
	if wrong := eval[string](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " " +
		v.nodes.map(n => n.target.join(" ") + " (" + (n.any[0]?.message ?? n.all[0]?.message ?? "") + ")").join("; ")).join("\n"))`); wrong != "" {
		b.t.Errorf("%s %s: %s", path, name, wrong)
	}
	if elsewhere := eval[string](b, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin) && !n.startsWith("data:")).join(" ")`); elsewhere != "" {
		b.t.Errorf("%s asks %s", path, elsewhere)
	}
	b.shoots(name + ".png")
	b.do("a phone", chromedp.EmulateViewport(390, 844))
	if over := eval[float64](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		b.t.Errorf("%s is %.0f px wider than a phone: %s", path, over, eval[string](b, `[...document.querySelectorAll("body *")].filter(e =>
			e.getBoundingClientRect().right > innerWidth).map(e => e.tagName + "." + e.className).join(", ")`))
	}
	if strings.HasPrefix(name, "light-en") {
		b.shoots("phone-" + name + ".png")
	}
	b.do("a desk", chromedp.EmulateViewport(1280, 900))
}

// shoots keeps a picture of the page, if somebody wants to see them.
func (b *browser) shoots(name string) {
	folder := os.Getenv("RELEVE_SCREENSHOTS")
	if folder == "" || strings.HasPrefix(name, ".") {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name), picture, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
