package pages

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
)

// judged is a site's status as it was judged last; of another release's, nothing.
func judged(s inventory.Found) status.Site {
	var now status.Site
	if json.Unmarshal([]byte(s.Status), &now) != nil {
		return status.Site{}
	}
	return now
}

// firstProblem is why a site's health isn't what it should be.
func firstProblem(s status.Site) string {
	switch {
	case s.HA != nil:
		for _, i := range s.HA.Indicators {
			if !i.OK {
				return i.Reason
			}
		}
	case s.Primary.Connection == status.Down:
		return s.Primary.Reason
	}
	return ""
}

func masterName(f *Frame, s status.Site) string {
	if s.Master == "" {
		return f.T("master.none")
	}
	return f.T("master." + string(s.Master))
}

func sockets(s status.Site) []status.Socket {
	var all []status.Socket
	if s.Primary.Serial != "" {
		all = append(all, s.Primary)
	}
	if s.Secondary != nil {
		all = append(all, *s.Secondary)
	}
	return all
}

func healthLook(h status.Health) string {
	switch h {
	case status.HealthReady, status.HealthSingle:
		return "ok"
	case status.HealthNotReady, status.HealthDown:
		return "bad"
	}
	return "idle"
}

// mostTags are offered as filters.
const mostTags = 24

// commonTags are those that most sites have, and the chosen one, by name.
func commonTags(counts map[string]int, chosen string) []string {
	all := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	all = all[:min(len(all), mostTags)]
	if chosen != "" && !slices.Contains(all, chosen) {
		all = append(all, chosen)
	}
	slices.Sort(all)
	return all
}

func counted(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func total(counts map[string]int) int {
	all := 0
	for _, n := range counts {
		all += n
	}
	return all
}

func without(query url.Values, name string) url.Values {
	rest := url.Values{}
	for k, v := range query {
		if k != name {
			rest[k] = v
		}
	}
	return rest
}
