package browsertest

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// axe finds what keeps people from using a page (axe-core, for tests alone).
//
//go:embed axe.js
var axe string

// screen is what somebody has before them, in pixels.
type screen struct{ width, height int64 }

var desk, phone = screen{1280, 900}, screen{390, 844}

// folder is where pictures of the pages go; "": nobody wants any.
var folder = os.Getenv("RELEVE_SCREENSHOTS")

// whole has axe see each language in each look, as make test-all does.
var whole = os.Getenv("RELEVE_FULL") != ""

// EachLook goes through languages and looks; look names the pictures. Two of the four
// have each language and each look, so axe has seen all with these; the other two are
// for the whole, and for pictures where somebody wants any.
func (b *Browser) EachLook(do func(look string)) {
	b.T.Helper()
	for _, look := range []string{"light", "dark"} {
		for _, lang := range []string{"en", "fr"} {
			b.pictured = !whole && (look == "light") != (lang == "en")
			if b.pictured && folder == "" {
				continue
			}
			b.Fetch("/look", "lang="+lang+"&look="+look)
			do(look + "-" + lang)
		}
	}
	b.pictured = false
}

// Fetch sends a form as a page would, and forgets the answer.
func (b *Browser) Fetch(path, form string) {
	b.T.Helper()
	Eval[bool](b, fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams(%q)}).then(() => true)`, path, form))
}

// Looks opens a page and looks at it, at a desk and on a phone: axe finds nothing, no
// other host is asked for anything, and nothing is wider than the screen. Pictures of
// both go where RELEVE_SCREENSHOTS says; ready waits for what a page draws by itself,
// and may be nil.
func (b *Browser) Looks(path, picture string, ready func()) {
	b.T.Helper()
	b.Open(path)
	if ready != nil {
		ready()
	}
	Eval[bool](b, axe+"\n; true")
	b.examine(path)
	b.shoot(picture, desk)
	b.has(phone)
	b.examine(path + " on a phone")
	b.shoot("phone-"+picture, phone)
	b.has(desk)
}

// has gives the person another screen.
func (b *Browser) has(s screen) {
	b.T.Helper()
	b.Do("another screen", chromedp.EmulateViewport(s.width, s.height))
}

func (b *Browser) examine(what string) {
	b.T.Helper()
	if !b.pictured {
		b.axe(what)
	}
	if elsewhere := Eval[string](b, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin) && !n.startsWith("data:")).join(" ")`); elsewhere != "" {
		b.T.Errorf("%s asks %s", what, elsewhere)
	}
	if over := Eval[float64](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		b.T.Errorf("%s is %.0f px wider than the screen: %s", what, over, Eval[string](b, `[...document.querySelectorAll("body *")].filter(e =>
			e.getBoundingClientRect().right > innerWidth).map(e => e.tagName + "." + e.className).join(", ")`))
	}
	if missing := Eval[string](b, `(document.body.innerText.match(/⟨.*?⟩/g) ?? []).join(" ")`); missing != "" {
		b.T.Errorf("%s lacks the texts %s", what, missing)
	}
}

// axe wants no violation.
func (b *Browser) axe(what string) {
	b.T.Helper()
	if wrong := Eval[string](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " " +
		v.nodes.map(n => n.target.join(" ") + " (" + (n.any[0]?.message ?? n.all[0]?.message ?? "") + ")").join("; ")).join("\n"))`); wrong != "" {
		b.T.Errorf("%s: %s", what, wrong)
	}
}

// shoot keeps a picture of the whole page, if somebody wants to see it.
func (b *Browser) shoot(name string, on screen) {
	b.T.Helper()
	if folder == "" {
		return
	}
	b.has(screen{on.width, max(on.height, int64(Eval[float64](b, "document.documentElement.scrollHeight")))})
	shot, err := chromedp.Run(b.Ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644)
	}
	if err != nil {
		b.T.Fatal(err)
	}
}
