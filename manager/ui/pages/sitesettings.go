package pages

import (
	"strings"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// timer is one that a site may decide on.
type timer struct {
	name        string
	least, most time.Duration
	usual       time.Duration // the vSockets' own
}

var timers = func() []timer {
	d := site.DefaultTimers()
	of := func(name string, s site.Span, usual time.Duration) timer {
		return timer{name, max(s.Least, time.Millisecond), s.Most, usual}
	}
	return []timer{of("keepalive", site.KeepaliveSpan, d.Keepalive), of("silent", site.SilentSpan, d.Silent), of("lease", site.LeaseSpan, d.Lease),
		of("confirm", site.ConfirmSpan, d.Confirm), of("hold", site.HoldSpan, d.Hold)}
}()

func popNames(pops []inventory.PoP) string {
	var all []string
	for _, p := range pops {
		all = append(all, p.Name)
	}
	return strings.Join(all, ", ")
}

// written is a time as one writes it into a field: 1m, not 1m0s.
func written(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
