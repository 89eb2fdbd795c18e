// Package browsertest drives a real browser for tests of the pages: Chromium or
// Chrome, whichever this machine has. It reaches loopback alone.
//
// A step that isn't done within Patience ends the test, with what a person would
// have read on the page.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Patience is how long a step may take on a busy machine.
const Patience = 30 * time.Second

// found is a browser of this machine, or "".
var found = sync.OnceValue(func() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
})

// Browser is a real one, at the pages that Base is the beginning of.
type Browser struct {
	Base string
	T    testing.TB
	Ctx  context.Context // chromedp's, for what isn't here

	pictured bool // it is for a picture: axe has seen the like
}

// Need skips a test where there is no browser.
func Need(t testing.TB) {
	t.Helper()
	if found() == "" {
		t.Skip("no Chromium or Chrome on this machine")
	}
}

// Start begins one whose person likes a language. The server of base must outlive
// the test's cleanups so far: the browser goes first.
func Start(t testing.TB, base, language string) *Browser {
	t.Helper()
	Need(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(found()), chromedp.IgnoreCertErrors, chromedp.WindowSize(int(desk.width), int(desk.height)),
		chromedp.Flag("lang", language), chromedp.Flag("accept-lang", language), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"))
	if os.Geteuid() == 0 { // its sandbox wants an ordinary user
		options = append(options, chromedp.NoSandbox)
	}
	allocated, freed := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocated)
	t.Cleanup(func() { stop(); freed() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("starting %s: %v", found(), err)
	}
	return &Browser{Base: base, T: t, Ctx: ctx}
}

// With is the same browser in another test, or a subtest.
func (b *Browser) With(t testing.TB) *Browser { return &Browser{Base: b.Base, T: t, Ctx: b.Ctx} }

// Do takes steps of chromedp's.
func (b *Browser) Do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.T.Fatalf("%s: %v\n%s", what, err, b.Text())
	}
}

// Open goes to a page.
func (b *Browser) Open(path string) {
	b.T.Helper()
	b.Do("opening "+path, chromedp.Navigate(b.Base+path))
}

// Eval is what an expression is, once it is settled.
func Eval[T any](b *Browser, expression string) T {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.T.Fatalf("%.80s: %v", expression, err)
	}
	return value
}

// Text is what a person reads on the page.
func (b *Browser) Text() string {
	ctx, cancel := context.WithTimeout(b.Ctx, Patience)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("location.pathname + '\\n' + document.body.innerText"))
	return text
}

// Sees waits until the page says a text.
func (b *Browser) Sees(text string) {
	b.T.Helper()
	b.Until(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// Until asks again and again, for an answer is lost when the page goes to another.
func (b *Browser) Until(condition string) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, Patience)
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
			b.T.Fatalf("never: %s\n%s", condition, b.Text())
		}
	}
}

// Types puts a text into a field in place of what is there.
func (b *Browser) Types(field, text string) {
	b.T.Helper()
	b.Until(fmt.Sprintf("document.getElementById(%q)?.value !== undefined && document.readyState === 'complete'", field))
	Eval[string](b, fmt.Sprintf("document.getElementById(%q).value = ''", field))
	b.Do("typing into "+field, chromedp.SendKeys("#"+field, text))
}

// Presses a button or a link of the page by what is written on it.
func (b *Browser) Presses(label string) {
	b.T.Helper()
	b.Do("pressing "+label, chromedp.Click(fmt.Sprintf(`//main//*[self::a or self::button][normalize-space()=%q]`, label)))
}
