package account

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// SignInError is a token that couldn't be had.
type SignInError struct {
	Err  error
	Hint string
}

func (e *SignInError) Error() string {
	text := "signing in to Azure: " + firstLine(e.Err.Error())
	if e.Hint != "" {
		text += "\nhint: " + e.Hint
	}
	return text
}

func (e *SignInError) Unwrap() error { return e.Err }

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// signed tells a credential's errors from those of the request.
type signed struct{ credential azcore.TokenCredential }

var _ azcore.TokenCredential = signed{}

func (s signed) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := s.credential.GetToken(ctx, options)
	if err != nil && ctx.Err() == nil {
		var known *SignInError
		if !errors.As(err, &known) {
			err = &SignInError{Err: err, Hint: remedy(err.Error())}
		}
	}
	return token, err
}

// remedy of what Entra ID and the Azure CLI say when they give no token.
func remedy(text string) string {
	switch {
	case strings.Contains(text, "AADSTS50173"), strings.Contains(text, "AADSTS70043"), strings.Contains(text, "AADSTS700082"),
		strings.Contains(text, "AADSTS50078"), strings.Contains(text, "AADSTS50076"), strings.Contains(text, "az login"):
		return "the sign-in has expired or is missing: az login"
	case strings.Contains(text, "AADSTS90002"), strings.Contains(text, "AADSTS900023"):
		return "there is no such tenant: check --tenant (az account list shows your tenants)"
	case strings.Contains(text, "AADSTS50020"), strings.Contains(text, "AADSTS700016"):
		return "you are unknown in this tenant: check --tenant (az account list shows your tenants)"
	case strings.Contains(text, "AADSTS7000215"), strings.Contains(text, "AADSTS7000222"):
		return "the application's secret is wrong or has expired: check AZURE_CLIENT_SECRET"
	case strings.Contains(text, "executable not found"), strings.Contains(text, "not found on path"):
		return "install the Azure CLI and run az login, or give --device-code, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
	}
	return ""
}

// Transport is TLS with the system's authorities and those in caFile, and with
// the proxy that the environment names. It follows no redirect: ARM gives none,
// and the token goes nowhere else.
func Transport(caFile string) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates to trust for Azure: %w", err)
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no PEM certificate in %s\nhint: RELEVE_AZURE_CA wants the certificate of the authority that signed the endpoint's", caFile)
		}
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 2 * time.Minute, IdleConnTimeout: time.Minute,
		},
	}, nil
}

// Caller is who signed in, as the token says.
type Caller struct {
	ObjectID, Tenant string
	Name             string // what people call it: a user's principal name, an application's id
	Application      bool   // no person: a service principal or managed identity
	Expires          time.Time
}

// Caller reads the token. It isn't checked: ARM does that.
func (c *Client) Caller(ctx context.Context) (Caller, error) {
	token, err := signed{c.credential}.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.audience + "/.default"}})
	if err != nil {
		return Caller{}, err
	}
	claims, err := readToken(token.Token)
	if err != nil {
		return Caller{}, &SignInError{Err: err}
	}
	name := claims.UPN
	for _, other := range []string{claims.UniqueName, claims.AppID} {
		if name == "" {
			name = other
		}
	}
	return Caller{ObjectID: claims.OID, Tenant: claims.TID, Name: name, Application: claims.UPN == "" && claims.UniqueName == "", Expires: token.ExpiresOn}, nil
}

// claims are those of an access token that say who has it (Microsoft identity
// platform, "Access token claims reference").
type claims struct {
	OID        string `json:"oid"`
	TID        string `json:"tid"`
	UPN        string `json:"upn"`
	UniqueName string `json:"unique_name"`
	AppID      string `json:"appid"`
}

func readToken(token string) (claims, error) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errors.New("the access token is no JWT")
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err == nil {
		err = json.Unmarshal(body, &c)
	}
	if err != nil {
		return c, errors.New("the access token can't be read")
	}
	return c, nil
}
