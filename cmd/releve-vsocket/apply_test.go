package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
)

// config runs one of the commands on the file, and gives what it says.
func (n *appliance) config(input string, args ...string) (said string, ok bool) {
	cmd := exec.Command("releve-vsocket", append([]string{"--config", n.file(), "config"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// merge lays sections over the file and has the agent take it.
func (n *appliance) merge(patch string) (said string, ok bool) {
	n.w.t.Helper()
	if said, ok := n.config(patch, "merge"); !ok {
		n.w.t.Fatalf("the %s's merge: %s", n.side, said)
	}
	return n.config("", "apply", "--within", enough.String())
}

// want is merge with an outcome.
func (n *appliance) want(patch, says string, ok bool) {
	n.w.t.Helper()
	if said, did := n.merge(patch); did != ok || !strings.Contains(said, says) {
		n.w.t.Errorf("the %s says %q, %t; want %q, %t", n.side, said, did, says, ok)
	}
}

// bare takes out of the file what comes later, and the interfaces' names; it returns
// the former as the extension brings it (D6).
func (n *appliance) bare() (later string) {
	t := n.w.t
	t.Helper()
	data, err := os.ReadFile(n.file())
	must(t, err)
	cfg, err := config.Parse(n.file(), data)
	must(t, err)
	azure, err := yaml.Marshal(map[string]any{"azure": cfg.Azure})
	must(t, err)
	data, err = config.Unset(n.file(), data, "azure")
	must(t, err)
	in := cfg.Interfaces
	text := string(data)
	for _, iface := range []config.Interface{in.WAN, in.LAN, in.MGMT} {
		text = strings.Replace(text, "    name: "+iface.Name+"\n", "", 1)
	}
	if strings.Contains(text, "name: "+in.WAN.Name) {
		t.Fatalf("names are left in\n%s", text)
	}
	must(t, os.WriteFile(n.file(), []byte(text), 0o600))
	peer := n.side.Peer()
	return string(azure) + fmt.Sprintf("ha: {floating_ip: %s, peer: {lan: %s, mgmt: %s}, key: %s, hold: 1h, silent: 2s, keepalive: 100ms}\n",
		azuresite.FloatingIP, azuresite.Addr(peer, azuresite.LAN), azuresite.Addr(peer, azuresite.MGMT), keyText(1))
}

func keyText(last byte) string {
	return base64.StdEncoding.EncodeToString(append(make([]byte, 31), last))
}

// D6 on two vSockets that serve: the sections come, the agents take them without a
// restart and without an outage, and what can't be taken changes nothing.
func TestAFileThatChangesD6(t *testing.T) {
	if testing.Short() {
		t.Skip("waits out the longest lease")
	}
	w := newManaged(t)
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	first, second := p.bare(), s.bare()
	for _, n := range w.nodes[1:] {
		n.start()
		n.until("is Master by itself (B7)", func(s *site.Status) bool { return s.Master && !s.HA.Configured })
	}
	shut := p.watchGate()

	p.want(first, "runs with", true)
	s.want(second, "runs with", true)
	p.until("is the active one", func(s *site.Status) bool { return s.Role == site.Active && s.Master && s.FIP.Steered && s.HA.Ready })
	s.until("is its standby", func(s *site.Status) bool { return s.Role == site.Standby && s.HA.Ready })
	p.want(first, "runs with", true) // the extension runs again

	p.want("ha: {preempt: 'off'}", "runs with", true)
	s.want("ha: {preempt: 'off'}", "runs with", true)
	p.want("ha: {key: "+keyText(2)+"}", "side by side", true)
	s.want("ha: {key: "+keyText(2)+"}", "runs with", true)
	p.until("has the new key alone", func(*site.Status) bool {
		said, ok := p.config("", "apply")
		return ok && strings.Contains(said, "runs with")
	})

	p.want("azure: {location: francecentral}", "azure changes with a restart alone", false)
	must(t, os.Rename(p.file()+formerEnd, p.file()))
	if said, ok := p.config("", "apply"); !ok {
		t.Errorf("the file from before: %s", said)
	}
	p.want("ha: {generation: 1, preempt: 'on'}", "doesn't grow beyond 3", false)
	must(t, os.WriteFile(p.file(), []byte("side: left\n"), 0o600))
	if said, ok := p.config("", "apply"); ok || !strings.Contains(said, "releve-vsocket: ") {
		t.Errorf("takes a broken file: %s", said)
	}
	p.until("is the active one still", func(s *site.Status) bool { return s.Role == site.Active && s.Master && s.HA.Ready })
	if times, looks := shut(); times > 0 || looks < 100 {
		t.Errorf("the primary's gate was shut %d of %d times", times, looks)
	}
}
