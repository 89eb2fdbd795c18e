package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/setup/account"
)

// azureAccount is how the commands that set up in Azure sign in.
type azureAccount struct {
	tenant, subscription        string
	deviceCode, managedIdentity bool
}

// signInHelp is said by each of these commands.
const signInHelp = `
Who signs in: the application of AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or
AZURE_CLIENT_CERTIFICATE_PATH and AZURE_TENANT_ID, if they are set, and else
whoever is signed in at the Azure CLI (az login). RELEVE_AZURE_ENDPOINT is the
address of another cloud's Azure Resource Manager, RELEVE_AZURE_CA a file with
certificates to trust there.`

func (a *azureAccount) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&a.subscription, "subscription", "", "id or name of the subscription; default: the Azure CLI's, or the only one")
	flags.StringVar(&a.tenant, "tenant", "", "the directory to sign in at; default: the Azure CLI's")
	flags.BoolVar(&a.deviceCode, "device-code", false, "sign in in a browser on any machine, with a code")
	flags.BoolVar(&a.managedIdentity, "managed-identity", false, "sign in as this machine's managed identity")
	cmd.MarkFlagsMutuallyExclusive("device-code", "managed-identity")
}

// authorities are the certificates to trust at a private endpoint. The guests ask there,
// too, so they are given them.
func (a *azureAccount) authorities() (string, error) {
	path := os.Getenv("RELEVE_AZURE_CA")
	if path == "" || os.Getenv("RELEVE_AZURE_ENDPOINT") == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the certificates to trust for Azure: %w", err)
	}
	var text strings.Builder
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			text.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
	}
	return text.String(), nil
}

// open signs in and finds the subscription.
func (a *azureAccount) open(ctx context.Context, cmd *cobra.Command) (*account.Client, account.Subscription, error) {
	return account.SignIn{
		Tenant: a.tenant, Subscription: a.subscription, DeviceCode: a.deviceCode, ManagedIdentity: a.managedIdentity,
		Endpoint: os.Getenv("RELEVE_AZURE_ENDPOINT"), CAFile: os.Getenv("RELEVE_AZURE_CA"),
		Tell: func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) },
	}.Open(ctx)
}
