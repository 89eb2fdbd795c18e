package apply_test

import (
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/setup/survey"
)

func clientOf(t *testing.T, s *sitetest.Site) *account.Client {
	t.Helper()
	transport, err := account.Transport(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := account.New(account.Config{Endpoint: s.Endpoint, Audience: "https://management.azure.com", Credential: s.Credential(), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// facts reads what the steps go by, as each call of the command does.
func facts(t *testing.T, s *sitetest.Site) *doctor.Facts {
	t.Helper()
	f, err := survey.Read(t.Context(), clientOf(t, s), survey.Names{Subscription: s.Subscription, Group: sitetest.Group, NetworkGroup: sitetest.NetworkGroup,
		Primary: sitetest.Primary, Secondary: sitetest.Secondary, FloatingIP: sitetest.FloatingIP, Endpoint: "https://management.azure.com"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
