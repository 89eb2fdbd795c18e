package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		writeError(w, http.StatusInternalServerError, "InternalServerError", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// serveEndpoints tells clients where this cloud's services are. Its form
// differs with the version: one object since 2022-09-01, a list of clouds in
// 2019-05-01, another object in 2015-01-01 (azure.md section 4).
func (s *Server) serveEndpoints(w http.ResponseWriter, r *http.Request) {
	here := base(r)
	if version := r.URL.Query().Get("api-version"); version < "2018" {
		writeJSON(w, http.StatusOK, map[string]any{
			"galleryEndpoint": here, "graphEndpoint": here, "portalEndpoint": here,
			"authentication": map[string]any{"loginEndpoint": here, "audiences": []string{"https://management.core.windows.net/", "https://management.azure.com/"}},
		})
		return
	}
	cloud := map[string]any{
		"name": "ReleveEmulator", "portal": here, "resourceManager": here + "/",
		"authentication": map[string]any{
			"loginEndpoint": here, "audiences": []string{"https://management.core.windows.net/", "https://management.azure.com/"},
			"tenant": "common", "identityProvider": "AAD",
		},
		"graph": here, "graphAudience": here, "gallery": here, "batch": here, "media": here, "sqlManagement": here,
		"microsoftGraphResourceId": here, "suffixes": map[string]string{"storage": "core.emulated", "keyVaultDns": "vault.emulated"},
	}
	if strings.HasPrefix(r.URL.Query().Get("api-version"), "2019") {
		writeJSON(w, http.StatusOK, []any{cloud})
		return
	}
	writeJSON(w, http.StatusOK, cloud)
}

// serveOpenID is what clients read before they ask for a token (OpenID Connect
// Discovery 1.0).
func (s *Server) serveOpenID(w http.ResponseWriter, r *http.Request) {
	authority := base(r) + "/" + r.PathValue("tenant")
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": authority + "/v2.0", "token_endpoint": authority + "/oauth2/v2.0/token",
		"authorization_endpoint": authority + "/oauth2/v2.0/authorize", "device_authorization_endpoint": authority + "/oauth2/v2.0/devicecode",
		"jwks_uri": authority + "/discovery/v2.0/keys", "response_types_supported": []string{"token"},
		"subject_types_supported": []string{"pairwise"}, "id_token_signing_alg_values_supported": []string{"HS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
	})
}

// serveToken gives an application a token for its secret (RFC 6749 section
// 4.4, client credentials).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		refusal{http.StatusBadRequest, "invalid_request", "AADSTS900144: The request body can't be read."}.write(w)
		return
	}
	id := r.PostForm.Get("client_id")
	a, known := s.application(id)
	tenant, here := "", false
	if known {
		tenant, here = a.tenantOf(r.PathValue("tenant"))
	}
	switch {
	case r.PostForm.Get("grant_type") != "client_credentials":
		refusal{http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: The emulator supports grant_type=client_credentials only."}.write(w)
		return
	case !here:
		refusal{http.StatusUnauthorized, "unauthorized_client", "AADSTS700016: Application with identifier '" + id + "' was not found in the directory '" + r.PathValue("tenant") + "'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."}.write(w)
		return
	case r.PostForm.Get("client_secret") != a.Secret:
		refusal{http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided."}.write(w)
		return
	}
	audience := r.PostForm.Get("resource")
	if scope := r.PostForm.Get("scope"); scope != "" {
		audience = strings.TrimSuffix(strings.Fields(scope)[0], "/.default")
	}
	c := a.claims(audience, tenant)
	if id == AdminClientID {
		c.Admin = true
	}
	life := int(s.opt.TokenLife / time.Second)
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "access_token": s.tokens.issue(c, s.opt.TokenLife), "expires_in": life, "ext_expires_in": life,
		"expires_on": strconv.FormatInt(time.Now().Add(s.opt.TokenLife).Unix(), 10), "resource": audience,
	})
}
