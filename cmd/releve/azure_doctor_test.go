package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/doctor"
	"releve.dev/releve/doctor/sheet"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// doctorOf is `releve azure doctor` on a site before HA is set up, by its owner.
func doctorOf(t *testing.T, s *sitetest.Site, args ...string) (out string, exit int) {
	t.Helper()
	t.Setenv("RELEVE_AZURE_ENDPOINT", s.Endpoint)
	t.Setenv("RELEVE_AZURE_CA", s.CAFile)
	t.Setenv("AZURE_TENANT_ID", store.DefaultTenant)
	t.Setenv("AZURE_CLIENT_ID", emulator.AdminClientID)
	t.Setenv("AZURE_CLIENT_SECRET", emulator.DefaultSecret)
	t.Setenv("AZURE_SUBSCRIPTION_ID", s.Subscription)
	command := doctorCommand()
	var stdout, stderr bytes.Buffer
	command.SetOut(&stdout)
	command.SetErr(&stderr)
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetArgs(append([]string{"-g", sitetest.Group, "--network-group", sitetest.NetworkGroup, "--floating-ip", sitetest.FloatingIP.String(), "--no-guests"}, args...))
	err := command.ExecuteContext(t.Context())
	var only status
	switch {
	case errors.As(err, &only):
		exit = int(only)
	case err != nil:
		exit = exitFailed
	}
	if stderr.Len() > 0 {
		t.Logf("stderr: %s", stderr.String())
	}
	return stdout.String(), exit
}

// C5: what is wrong is told for people and for programs, what is safe is mended,
// and the exit status says what a script needs.
func TestAzureDoctor(t *testing.T) {
	s := sitetest.New(t, true)
	text, exit := doctorOf(t, s)
	for _, want := range []string{"error    the floating IP 10.102.2.200 is on no NIC", "az resource update --ids " + s.LANNIC(1), "portal: Network interfaces > ",
		"- releve azure ha mends it", "errors"} {
		if !strings.Contains(text, want) {
			t.Errorf("it doesn't say %q:\n%s", want, text)
		}
	}
	if exit != 1 {
		t.Errorf("exit status %d", exit)
	}
	if _, exit = doctorOf(t, s, "--fix", "--yes"); exit != 1 { // an identity takes more than a safe step
		t.Errorf("--fix: exit status %d", exit)
	}
	text, _ = doctorOf(t, s, "--json")
	var report sheet.Report
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, f := range report.Findings {
		codes = append(codes, f.Code)
	}
	if got := strings.Join(codes, " "); got != "identity-none" {
		t.Errorf("left after --fix: %s", got)
	}
	t.Run("no sign-in", func(t *testing.T) {
		t.Setenv("RELEVE_AZURE_ENDPOINT", "https://127.0.0.1:1")
		command := doctorCommand()
		command.SetErr(&bytes.Buffer{})
		command.SilenceUsage, command.SilenceErrors = true, true
		command.SetArgs([]string{"-g", "rg", "--subscription", "s"})
		var only status
		if err := command.ExecuteContext(t.Context()); !errors.As(err, &only) || only != exitUnseen {
			t.Errorf("%v", err)
		}
	})
}

// Both guests are asked by a run command, and what they say is judged with the
// rest; one that can't answer isn't taken for well.
func TestAzureDoctorAsksTheGuests(t *testing.T) {
	s := pairWithGuests(t)
	said := map[string]string{}
	for i, vm := range []string{sitetest.Primary, sitetest.Secondary} {
		text, err := sheet.Pack(&doctor.Guest{Side: site.Primary + site.Side(i), Version: site.Release, NotForwarding: []string{"net.ipv4.ip_forward"},
			Status: &doctor.Status{Role: site.Active, Master: true}})
		if err != nil {
			t.Fatal(err)
		}
		said[strings.ToLower(s.VMID(vm))] = text
	}
	said[strings.ToLower(s.VMID(sitetest.Secondary))] = "sh: 1: releve-vsocket: not found"
	s.Server.OnMachine(func(e store.MachineEvent) {
		switch e.Kind {
		case store.MachineBoot, store.MachineRestart:
			go s.Server.Booted(e.VM.ID)
		case store.MachineScript:
			if e.Script.Command != "releve-vsocket doctor --facts" {
				t.Errorf("asked: %s", e.Script.Command)
			}
			go s.Server.ScriptDone(e.Script.Operation, 0, said[strings.ToLower(e.VM.ID)], "")
		}
	})
	text, err := azureDo(t, "doctor", "--floating-ip", sitetest.FloatingIP.String())
	if err == nil {
		t.Error("no error")
	}
	for _, want := range []string{"IP forwarding is off in the guest: net.ipv4.ip_forward  " + s.VMID(sitetest.Primary), "this vSocket has no HA settings",
		"the guest couldn't be looked at: a guest's facts", s.VMID(sitetest.Secondary)} {
		if !strings.Contains(text, want) {
			t.Errorf("it doesn't say %q:\n%s", want, text)
		}
	}
}
