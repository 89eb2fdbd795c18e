package status

import (
	"fmt"
	"strings"

	"releve.dev/releve/site"
)

// Gist is what of a vSocket's status a site's depends on. Figures aren't in it.
type Gist struct {
	Facts string // what is to be known at once
	Words string // reasons, in which numbers may run
}

// GistOf takes it from a status.
func GistOf(s *site.Status) Gist {
	if s == nil {
		return Gist{}
	}
	var facts, words strings.Builder
	has, up, why := s.Cloud()
	fmt.Fprint(&facts, s.Version, s.Role, s.Master, s.Term, s.Fit, s.HA.Configured, s.HA.Ready, has, up)
	fmt.Fprint(&words, why)
	if s.Tunnel != nil {
		fmt.Fprintf(&facts, " %q", s.Tunnel.PoP)
	}
	for _, i := range s.HA.Indicators {
		fmt.Fprintf(&facts, " %q %t", i.Name, i.OK)
		fmt.Fprintf(&words, " %q", i.Reason)
	}
	return Gist{facts.String(), words.String()}
}
