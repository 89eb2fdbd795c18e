// Package fence keeps apart what is the pages' own and what isn't: what they show and
// ask comes from their own origin, nobody puts them into theirs, and the path to go
// back to is one of theirs (docs/security.md).
package fence

import (
	"net/http"
	"net/url"
	"strings"
)

// policy lets a page have what comes from its origin, and nothing that stands in it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Secure sets what each answer says to the browser.
func Secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// Path is what was asked to go back to, or "/" if that isn't a path of the pages.
func Path(asked string) string {
	u, err := url.Parse(asked)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(asked, "/") || strings.HasPrefix(asked, "//") || strings.ContainsAny(asked, "\\\r\n\t") {
		return "/"
	}
	return asked
}
