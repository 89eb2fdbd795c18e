package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
)

const byAddress = `site: Paris
side: primary
state_dir: /var/lib/releve
interfaces:
  wan: {address: 10.102.1.10/24}
  lan: {address: 10.102.2.10/24}
  mgmt: {name: eth0, address: 10.102.3.10/24}
probes: {wan: [1.1.1.1]}
`

func anEdition(t *testing.T) *source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vsocket.yaml")
	must(t, os.WriteFile(path, []byte(byAddress), 0o600))
	s, err := newSource(path)
	must(t, err)
	s.file.cfg.Interfaces.WAN.Name, s.file.cfg.Interfaces.LAN.Name = "eth2", "eth1" // found
	return s
}

// What a running agent can't change is refused, and all else counts, with the names
// that were found for the interfaces.
func TestWhatARunningAgentTakes(t *testing.T) {
	for change, says := range map[string]string{
		"site: Lyon":                                         "",
		"egress: none":                                       "",
		"probes: {interval: 1s}":                             "",
		"interfaces: {lan: {name: eth1}}":                    "",
		"interfaces: {lan: {name: eth7}}":                    "interfaces changes with a restart alone",
		"interfaces: {wan: {address: 10.102.9.10/24}}":       "interfaces changes with a restart alone",
		"side: secondary":                                    "side changes with a restart alone",
		"routes: own":                                        "routes changes with a restart alone",
		"state_dir: /srv/releve\nrun_dir: /srv/run\nsite: a": "state_dir, run_dir change with a restart alone",
	} {
		s := anEdition(t)
		before := s.file
		changed, err := config.Merge("f", []byte(byAddress), "patch", []byte(change))
		must(t, err)
		must(t, os.WriteFile(s.path, changed, 0o600))
		err = s.reread()
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: says %v, want %q", change, err, says)
		}
		if err != nil && (s.file != before || s.outcome().State != control.Refused) {
			t.Errorf("%s: counts nevertheless: %+v", change, s.outcome())
		}
		if err == nil && (s.file == before || s.file.cfg.Interfaces != before.cfg.Interfaces || s.outcome().State != control.Undecided) {
			t.Errorf("%s: doesn't count: %+v, %+v", change, s.file.cfg.Interfaces, s.outcome())
		}
		must(t, os.WriteFile(s.path, []byte(byAddress), 0o600)) // put back
		if err := s.reread(); err != nil || says != "" && (s.file != before || s.outcome().State != control.Applied) {
			t.Errorf("%s: put back: %v, %+v", change, err, s.outcome())
		}
	}
}
