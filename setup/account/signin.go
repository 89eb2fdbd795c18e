package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"releve.dev/releve/setup/document"
)

// PublicEndpoint is ARM's in Azure's public cloud.
const PublicEndpoint = "https://management.azure.com"

// SignIn is how a person or an application signs in. The zero value is the
// environment's application if AZURE_CLIENT_ID names one, and else whoever is
// signed in at the Azure CLI.
type SignIn struct {
	Tenant          string // "": that of the environment or the CLI
	Subscription    string // id or name; "": the environment's, the CLI's, or the only one
	DeviceCode      bool   // in a browser anywhere, with a code
	ManagedIdentity bool   // that of the machine
	Endpoint        string // of ARM; "": the public cloud's. Sign-in's own is asked there
	CAFile          string // PEM certificates to trust besides the system's
	Tell            func(string)
	Env             func(string) string // nil: the process's
}

// Subscription is the one that is worked in.
type Subscription struct{ ID, Name, Tenant, State string }

// Open signs in and finds the subscription. Nothing is kept on the disk.
func (s SignIn) Open(ctx context.Context) (*Client, Subscription, error) {
	if s.Env == nil {
		s.Env = os.Getenv
	}
	if s.Endpoint == "" {
		s.Endpoint = PublicEndpoint
	}
	if s.Tenant == "" {
		s.Tenant = s.Env("AZURE_TENANT_ID")
	}
	if s.Subscription == "" {
		s.Subscription = s.Env("AZURE_SUBSCRIPTION_ID")
	}
	transport, err := Transport(s.CAFile)
	if err != nil {
		return nil, Subscription{}, err
	}
	where, err := s.cloud(ctx, transport)
	if err != nil {
		return nil, Subscription{}, err
	}
	credential, err := s.credential(azcore.ClientOptions{Cloud: where, Transport: transport})
	if err != nil {
		return nil, Subscription{}, &SignInError{Err: err, Hint: remedy(err.Error())}
	}
	arm := where.Services[cloud.ResourceManager]
	c, err := New(Config{Endpoint: s.Endpoint, Audience: arm.Audience, Credential: credential, Transport: transport})
	if err != nil {
		return nil, Subscription{}, err
	}
	subscription, err := s.choose(ctx, c)
	return c, subscription, err
}

// cloud says where to sign in. A sovereign cloud, a private one and the emulator
// are asked at /metadata/endpoints of their ARM, as the Azure CLI asks them.
func (s SignIn) cloud(ctx context.Context, transport *http.Client) (cloud.Configuration, error) {
	if strings.TrimSuffix(s.Endpoint, "/") == PublicEndpoint {
		return cloud.AzurePublic, nil
	}
	c, err := New(Config{Endpoint: s.Endpoint, Credential: nobody{}, Transport: transport})
	if err != nil {
		return cloud.Configuration{}, err
	}
	is, _, err := c.Get(ctx, "/metadata/endpoints?api-version=2022-09-01")
	if err != nil {
		return cloud.Configuration{}, err
	}
	login, audiences := is.Text("authentication", "loginEndpoint"), is.Texts("authentication", "audiences")
	if login == "" || len(audiences) == 0 {
		return cloud.Configuration{}, fmt.Errorf("%s doesn't say where to sign in\nhint: RELEVE_AZURE_ENDPOINT wants the address of an Azure Resource Manager", s.Endpoint)
	}
	return cloud.Configuration{ActiveDirectoryAuthorityHost: login, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Endpoint: s.Endpoint, Audience: strings.TrimSuffix(audiences[0], "/")},
	}}, nil
}

// nobody asks what is open to all.
type nobody struct{}

func (nobody) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "none"}, nil
}

func (s SignIn) credential(options azcore.ClientOptions) (azcore.TokenCredential, error) {
	// A cloud that named its sign-in itself is unknown to Microsoft's directory of them.
	private := options.Cloud.ActiveDirectoryAuthorityHost != cloud.AzurePublic.ActiveDirectoryAuthorityHost
	switch {
	case s.DeviceCode && s.ManagedIdentity:
		return nil, errors.New("--device-code and --managed-identity exclude each other")
	case s.DeviceCode:
		return azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
			ClientOptions: options, TenantID: s.Tenant, DisableInstanceDiscovery: private,
			UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error {
				s.Tell(m.Message)
				return nil
			},
		})
	case s.ManagedIdentity:
		managed := azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if id := s.Env("AZURE_CLIENT_ID"); id != "" {
			managed.ID = azidentity.ClientID(id)
		}
		return azidentity.NewManagedIdentityCredential(&managed)
	case s.Env("AZURE_CLIENT_ID") != "" && s.Env("AZURE_CLIENT_CERTIFICATE_PATH") != "":
		return s.certificate(options, private)
	case s.Env("AZURE_CLIENT_ID") != "" && s.Env("AZURE_CLIENT_SECRET") != "":
		if s.Tenant == "" {
			return nil, errors.New("the application's tenant is missing: set AZURE_TENANT_ID, or give --tenant")
		}
		return azidentity.NewClientSecretCredential(s.Tenant, s.Env("AZURE_CLIENT_ID"), s.Env("AZURE_CLIENT_SECRET"),
			&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: private})
	}
	return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: s.Tenant})
}

func (s SignIn) certificate(options azcore.ClientOptions, private bool) (azcore.TokenCredential, error) {
	path := s.Env("AZURE_CLIENT_CERTIFICATE_PATH")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the application's certificate: %w", err)
	}
	certificates, key, err := azidentity.ParseCertificates(data, []byte(s.Env("AZURE_CLIENT_CERTIFICATE_PASSWORD")))
	if err != nil {
		return nil, fmt.Errorf("reading the application's certificate %s: %w", path, err)
	}
	return azidentity.NewClientCertificateCredential(s.Tenant, s.Env("AZURE_CLIENT_ID"), certificates, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: private})
}

// choose finds the subscription: the named one, the CLI's default, or the only
// one that there is.
func (s SignIn) choose(ctx context.Context, c *Client) (Subscription, error) {
	wanted := s.Subscription
	if wanted == "" && !s.DeviceCode && !s.ManagedIdentity && s.Env("AZURE_CLIENT_ID") == "" {
		wanted = defaultOfCLI(ctx)
	}
	list, err := c.List(ctx, "/subscriptions")
	if err != nil {
		return Subscription{}, err
	}
	var names []string
	var found []Subscription
	for _, d := range list {
		is := Subscription{ID: d.Text("subscriptionId"), Name: d.Text("displayName"), Tenant: d.Text("tenantId"), State: d.Text("state")}
		names = append(names, fmt.Sprintf("%s (%s)", is.ID, is.Name))
		if wanted == "" || strings.EqualFold(wanted, is.ID) || strings.EqualFold(wanted, is.Name) {
			found = append(found, is)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1 && wanted != "":
		return Subscription{}, fmt.Errorf("several subscriptions are called %s\nhint: give --subscription with the id: %s", wanted, strings.Join(names, ", "))
	case len(found) > 1:
		return Subscription{}, fmt.Errorf("you see several subscriptions\nhint: choose one with --subscription: %s", strings.Join(names, ", "))
	case wanted == "":
		return Subscription{}, errors.New("you see no subscription\nhint: choose another tenant with --tenant, or have a role given to you")
	}
	return s.elsewhere(ctx, c, wanted, names)
}

// elsewhere words a subscription that isn't in the list; ARM itself says best
// whether it is another tenant's.
func (s SignIn) elsewhere(ctx context.Context, c *Client, wanted string, names []string) (Subscription, error) {
	if id, err := document.ParseID("/subscriptions/" + wanted); err == nil && len(wanted) == 36 {
		if _, _, err := c.Get(ctx, id.String()); err != nil {
			return Subscription{}, err
		}
	}
	return Subscription{}, fmt.Errorf("there is no subscription %s in this tenant\nhint: you see %s; --tenant chooses another tenant",
		wanted, strings.Join(append(names, "no other"), ", "))
}

// defaultOfCLI is what `az account set` chose, "" if there is no telling.
func defaultOfCLI(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "az", "account", "show", "--query", "id", "--output", "tsv").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
