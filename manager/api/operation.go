package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
)

// operation is one of the API's.
type operation struct {
	id, method, path, tag, summary string
	about                          string
	// action is what the caller must be allowed; "" is whoever is known.
	action access.Action
	// open is for who isn't known yet.
	open bool
	// status of success; 0 is 200, or 204 without a body.
	status int
}

// register adds an operation. No other way leads into the API, so none lacks
// its check of who may.
func register[I, O any](a *API, o operation, handle func(context.Context, *caller, *I) (*O, error)) {
	op := huma.Operation{OperationID: o.id, Method: o.method, Path: Prefix + o.path, Summary: o.summary, Description: o.about,
		Tags: []string{o.tag}, MaxBodyBytes: mostBody, DefaultStatus: o.status}
	if !o.open {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
		op.Middlewares = huma.Middlewares{a.may(o.id, o.action)}
	}
	if o.action != "" {
		op.Description = strings.TrimSpace(fmt.Sprintf("%s\n\nNeeds `%s`.", o.about, o.action))
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

// may refuses who isn't known or not allowed, before the input is looked at.
func (a *API) may(id string, action access.Action) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := callerOf(ctx.Context())
		err := c.refused
		if err == nil && action != "" && !c.who.May(action) {
			err = a.Access.Refuse(ctx.Context(), c.who, action, id, c.from, c.request)
		}
		if err != nil {
			p := a.problem(ctx.Context(), err)
			for name, values := range p.GetHeaders() {
				for _, v := range values {
					ctx.SetHeader(name, v)
				}
			}
			ctx.SetHeader("Content-Type", p.ContentType(""))
			ctx.SetStatus(p.Status)
			_ = huma.DefaultJSONFormat.Marshal(ctx.BodyWriter(), p)
			return
		}
		next(ctx)
	}
}

// Change is what every change of a site has. huma reads embedded structs only
// where their names are exported.
type Change struct {
	Site    string `path:"site" maxLength:"64"`
	IfMatch string `header:"If-Match" doc:"The site's generation as you saw it: its ETag, such as \"7\". Without it the change is refused (428), with a stale one too (412)."`
	Asked
}

// Asked is what every change has.
type Asked struct {
	DryRun bool   `query:"dry_run" doc:"Check all and answer as if, but keep nothing"`
	Key    string `header:"Idempotency-Key" maxLength:"200" doc:"With the same key and the same request, sent again within a day, the answer is the same and nothing is done twice"`
}

// how reads the condition.
func (c *Change) how() (inventory.Change, error) {
	how := inventory.Change{DryRun: c.DryRun}
	if c.IfMatch == "" {
		return how, nil // the use case says what is missing
	}
	text, quoted := strings.CutPrefix(c.IfMatch, `"`)
	text, both := strings.CutSuffix(text, `"`)
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || !quoted || !both || n == 0 {
		p := newProblem(http.StatusBadRequest, kinds[http.StatusBadRequest], fmt.Sprintf("If-Match %q isn't a site's ETag", c.IfMatch))
		p.Field, p.Remedy = "If-Match", `send the ETag of the site as you saw it, such as "7"`
		return how, p
	}
	how.IfMatch = n
	return how, nil
}

// Paging is what every list has.
type Paging struct {
	After string `query:"after" maxLength:"200" doc:"The cursor (next) of the part before"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (p Paging) page() inventory.Page { return inventory.Page{After: p.After, Limit: p.Limit} }
