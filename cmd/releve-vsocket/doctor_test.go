package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"releve.dev/releve/doctor/sheet"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

// doctorHere is `releve-vsocket doctor` with the site's settings.
func (s *cloudSite) doctorHere(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := (&options{config: s.file}).doctorCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetArgs(args)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

// C5, C4: the appliance's doctor sees Azure as its identity does. This machine has
// none of the interfaces, and no agent runs: both are told.
func TestDoctorAtAzure(t *testing.T) {
	s := newCloudSite(t)
	file, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.Replace(file, []byte("routes: own"), []byte("routes: system"), 1) // there is no MGMT interface to go by
	if err := os.WriteFile(s.file, file, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := s.doctorHere(t, "--facts")
	if err != nil {
		t.Fatal(err)
	}
	g, err := sheet.Unpack(text)
	if err != nil {
		t.Fatal(err)
	}
	if !g.Token.OK || g.Token.Tenant == "" || g.Token.ClientID != g.Config.ClientID || g.Missing != nil || g.Status != nil {
		t.Errorf("%+v", g)
	}
	if !g.ARM.OK || g.SkewS == nil || len(g.Interfaces) != 3 || g.Side != site.Primary || g.Config.FloatingIP != azuresite.FloatingIP {
		t.Errorf("%+v", g)
	}
	scope := s.layout.Scopes()[3]
	if answer := s.Do("DELETE", s.layout.Assignments()[3]+"?api-version=2022-04-01", "", ""); answer.Status >= 300 {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	text, err = s.doctorHere(t)
	if !errors.Is(err, terminal.ErrSilent) {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"the agent doesn't run", "the identity may not do Microsoft.Network/networkSecurityGroups/join/action  " + scope,
		"in the guest of the primary: sudo systemctl restart releve-vsocket"} {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
			t.Errorf("it doesn't say %q:\n%s", want, text)
		}
	}
}
