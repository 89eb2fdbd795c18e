package account

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

// signIn is that of the emulator's administrator, by the environment that
// `releve lab up --bare` prints.
func signIn(t *testing.T, azure *emulator.Server, c *Client, change map[string]string) SignIn {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, azure.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"AZURE_TENANT_ID": store.DefaultTenant, "AZURE_CLIENT_ID": emulator.AdminClientID, "AZURE_CLIENT_SECRET": emulator.DefaultSecret}
	for name, value := range change {
		env[name] = value
	}
	return SignIn{Endpoint: c.endpoint.String(), CAFile: ca, Env: func(name string) string { return env[name] }}
}

func TestAnApplicationSignsInByTheEnvironment(t *testing.T) {
	azure, admin := serve(t, profile.Instant)
	c, subscription, err := signIn(t, azure, admin, nil).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if subscription.ID != store.DefaultSubscription || subscription.Tenant != store.DefaultTenant {
		t.Errorf("works in %+v", subscription)
	}
	if is, _, err := c.Get(t.Context(), vnet); is == nil || err != nil {
		t.Errorf("reads %v, %v", is, err)
	}
}

func TestWhatKeepsFromSigningInIsToldWithItsRemedy(t *testing.T) {
	cases := []struct {
		name   string
		change map[string]string
		want   string
	}{
		{"a wrong secret", map[string]string{"AZURE_CLIENT_SECRET": "other"}, "AZURE_CLIENT_SECRET"},
		{"an unknown application", map[string]string{"AZURE_CLIENT_ID": "11111111-1111-4111-8111-111111111111"}, "--tenant"},
		{"another subscription", map[string]string{"AZURE_SUBSCRIPTION_ID": "22222222-2222-4222-8222-222222222222"}, "--subscription"},
		{"a subscription's name", map[string]string{"AZURE_SUBSCRIPTION_ID": "nowhere"}, "there is no subscription nowhere"},
		{"no tenant", map[string]string{"AZURE_TENANT_ID": ""}, "AZURE_TENANT_ID"},
		{"a certificate that isn't there", map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere"}, "certificate"},
	}
	azure, admin := serve(t, profile.Instant)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := signIn(t, azure, admin, c.change).Open(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	t.Run("a certificate that isn't trusted", func(t *testing.T) {
		s := signIn(t, azure, admin, nil)
		s.CAFile = ""
		var untrusted *certificateError
		if _, _, err := s.Open(t.Context()); !errors.As(err, &untrusted) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTheRightTenantIsNamed(t *testing.T) {
	err := &Error{Code: "InvalidAuthenticationTokenTenant", Method: "GET", ID: "/subscriptions/s", Message: "The access token is from the wrong issuer " +
		"'https://sts.windows.net/aaaa/'. It must match one of the tenants 'https://sts.windows.net/bbbb/,https://login.microsoftonline.com/bbbb/' associated with this subscription."}
	if !strings.Contains(err.Error(), "az login --tenant bbbb") {
		t.Error(err)
	}
}

// A token that ARM doesn't take is told with what mends it.
func TestATokenThatWontDo(t *testing.T) {
	const alice, elsewhere = "00000000-0000-4000-8000-00000000a11c", "99999999-9999-4999-8999-999999999999"
	azure, admin := serve(t, profile.Instant)
	ask := func(tenant string, life time.Duration) error {
		t.Helper()
		if err := azure.AddApplication(emulator.Application{ClientID: alice, Secret: "x", Tenants: []string{tenant}}); err != nil {
			t.Fatal(err)
		}
		text, err := azure.Token(alice, "https://management.azure.com", life)
		if err != nil {
			t.Fatal(err)
		}
		transport, err := Transport(signIn(t, azure, admin, nil).CAFile)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(Config{Endpoint: admin.endpoint.String(), Audience: "https://management.azure.com", Credential: token(text), Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.Get(t.Context(), vnet)
		return err
	}
	if err := ask(store.DefaultTenant, -time.Second); err == nil || !strings.Contains(err.Error(), "sign in again: az login") {
		t.Errorf("expired: %v", err)
	}
	if err := ask(elsewhere, 0); err == nil || !strings.Contains(err.Error(), "--tenant "+store.DefaultTenant) {
		t.Errorf("another tenant's: %v", err)
	}
	if err := ask(store.DefaultTenant, 0); err == nil || !strings.Contains(err.Error(), "you need a role with Microsoft.Network/virtualNetworks/read at "+vnet) {
		t.Errorf("without a role: %v", err)
	}
}
