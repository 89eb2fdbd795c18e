package browsertest

import (
	_ "embed"
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

// Looks opens a page and looks at it, at a desk and on a phone: axe finds nothing, no
// other host is asked for anything, and nothing is wider than the screen. Pictures of
// both go where RELEVE_SCREENSHOTS says; ready waits for what a page draws by itself,
// and may be nil.
func (b *Browser) Looks(path, picture string, ready func()) {
	b.t.Helper()
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
	b.t.Helper()
	b.Do("another screen", chromedp.EmulateViewport(s.width, s.height))
}

func (b *Browser) examine(what string) {
	b.t.Helper()
	if wrong := Eval[string](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " " +
		v.nodes.map(n => n.target.join(" ") + " (" + (n.any[0]?.message ?? n.all[0]?.message ?? "") + ")").join("; ")).join("\n"))`); wrong != "" {
		b.t.Errorf("%s: %s", what, wrong)
	}
	if elsewhere := Eval[string](b, `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin) && !n.startsWith("data:")).join(" ")`); elsewhere != "" {
		b.t.Errorf("%s asks %s", what, elsewhere)
	}
	if over := Eval[float64](b, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		b.t.Errorf("%s is %.0f px wider than the screen: %s", what, over, Eval[string](b, `[...document.querySelectorAll("body *")].filter(e =>
			e.getBoundingClientRect().right > innerWidth).map(e => e.tagName + "." + e.className).join(", ")`))
	}
	if missing := Eval[string](b, `(document.body.innerText.match(/⟨.*?⟩/g) ?? []).join(" ")`); missing != "" {
		b.t.Errorf("%s lacks the texts %s", what, missing)
	}
}

// shoot keeps a picture of the whole page, if somebody wants to see it.
func (b *Browser) shoot(name string, on screen) {
	b.t.Helper()
	if folder == "" {
		return
	}
	b.has(screen{on.width, max(on.height, int64(Eval[float64](b, "document.documentElement.scrollHeight")))})
	shot, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), shot, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
