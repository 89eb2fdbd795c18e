package webui

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/webui/links"
	"releve.dev/releve/vsocket/webui/pages"
)

// within is how long the agent has to answer.
const within = 2 * time.Second

// now is what the vSocket is at this moment. An agent that doesn't answer is a part
// of it: the links are shown all the same.
func (v *visit) now() pages.Now {
	ctx, cancel := context.WithTimeout(v.ctx(), within)
	defer cancel()
	var n pages.Now
	status, err := v.Agent.Status(ctx)
	switch {
	case err == nil:
		n.Status = &status
		v.frame.Name = status.Site + " · " + v.frame.T("side."+status.Side.String())
	case errors.Is(err, context.DeadlineExceeded):
		n.Wrong = "the agent doesn't answer"
	default:
		n.Wrong = err.Error()
	}
	for _, via := range v.Vias {
		if l, there := v.link(via, n.Status); there {
			n.Links = append(n.Links, l)
		}
	}
	return n
}

// link looks at a way out. One that this vSocket doesn't have isn't shown.
func (v *visit) link(via string, s *site.Status) (links.Link, bool) {
	iface, err := v.Out(via)
	if err != nil {
		return links.Link{Way: via, State: links.Unplugged}, true
	}
	l, err := links.Look(via, iface, reaches(via, s))
	if err != nil {
		l.State = links.Unplugged
	}
	return l, via != "tunnel" || l.State != links.Unplugged
}

// reaches says whether the cloud is reached by a way that is for it; nil: it isn't.
func reaches(via string, s *site.Status) *bool {
	if s == nil || via != "WAN1" && via != "tunnel" {
		return nil
	}
	has, up, _ := s.Cloud()
	if !has {
		return nil
	}
	return &up
}

func (v *visit) monitoring() error {
	n := v.now()
	return v.show(http.StatusOK, pages.Monitoring(v.frame, n))
}

func (v *visit) monitoringLive(s *stream) error {
	return s.each(func() (bool, error) { return true, s.send(pages.MonitoringLive(v.frame, v.now())) })
}

// span is how far back the timeline is asked for: one of pages.Spans.
func (v *visit) span() (text string, from time.Time) {
	text = v.r.URL.Query().Get("since")
	if !slices.Contains(pages.Spans, text) {
		text = pages.Spans[1]
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		panic("webui: a span of ours: " + err.Error())
	}
	return text, v.Now().Add(-d)
}

func (v *visit) pair() pages.HA {
	h := pages.HA{Now: v.now()}
	var from time.Time
	h.Since, from = v.span()
	ctx, cancel := context.WithTimeout(v.ctx(), within)
	defer cancel()
	err := v.Agent.Journal(ctx, from, false, func(e site.Entry) error {
		h.Entries = append(h.Entries, e)
		if h.Cut = h.Cut || len(h.Entries) > pages.MostEntries; len(h.Entries) > 2*pages.MostEntries {
			h.Entries = slices.Delete(h.Entries, 0, pages.MostEntries)
		}
		return nil
	})
	if err != nil && h.Status != nil {
		h.Timeline.Wrong = err.Error() // else it is said already
	}
	h.Entries = h.Entries[max(0, len(h.Entries)-pages.MostEntries):]
	slices.Reverse(h.Entries)
	return h
}

func (v *visit) ha() error {
	h := v.pair()
	return v.show(http.StatusOK, pages.HAPage(v.frame, h))
}

func (v *visit) haLive(s *stream) error {
	return s.each(func() (bool, error) { return true, s.send(pages.HALive(v.frame, v.pair())) })
}

// journal is the timeline as a file: one JSON object a line.
func (v *visit) journal() error {
	_, from := v.span()
	h := v.w.Header()
	h.Set("Content-Type", "application/jsonl")
	h.Set("Content-Disposition", `attachment; filename="journal.jsonl"`)
	h.Set("Cache-Control", "no-store")
	out := json.NewEncoder(v.w)
	if err := v.Agent.Journal(v.ctx(), from, false, func(e site.Entry) error { return out.Encode(e) }); err != nil {
		panic(http.ErrAbortHandler) // what is cut short must not look whole
	}
	return nil
}
