package ui

import (
	"errors"
	"net/http"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/manager/ui/pages"
)

// takeovers are a site's, in the rows that the vSockets have sent.
func (v *visit) takeovers() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	page, err := v.Takeovers.Page(v.ctx(), v.who.Account, s.ID, takeovers.Span{}, v.r.URL.Query().Get("after"), 0)
	if errors.Is(err, takeovers.ErrCursor) {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: "after", Message: err.Error()}
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Takeovers(v.frame, s, v.r.URL.Query(), page.Takeovers, page.Next))
}
