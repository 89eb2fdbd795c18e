package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/store"
)

// Application is a principal that signs in with a client's secret (RFC 6749
// section 4.4) and may do what role assignments to its object id allow.
type Application struct {
	ClientID string   `json:"clientId"`
	ObjectID string   `json:"objectId"` // default: ClientID
	Name     string   `json:"name"`
	Secret   string   `json:"secret"`
	Tenants  []string `json:"tenants,omitempty"` // where it is known, its home first; default: the emulator's
}

// AddApplication makes an application known, or replaces the one with its client id.
func (s *Server) AddApplication(a Application) error {
	if a.ClientID == "" || a.Secret == "" || a.ClientID == AdminClientID {
		return errors.New("application needs a client id of its own and a secret")
	}
	if a.ObjectID == "" {
		a.ObjectID = a.ClientID
	}
	var err error
	s.locked(func(time.Duration) {
		if len(a.Tenants) == 0 {
			a.Tenants = []string{s.store.Tenant()}
		}
		s.apps = slices.DeleteFunc(s.apps, func(b Application) bool { return strings.EqualFold(a.ClientID, b.ClientID) })
		s.apps = append(s.apps, a)
		s.store.AddPrincipal(a.ObjectID)
		err = s.save()
	})
	return err
}

// Token is an access token of an application for an audience; a life of zero
// is the usual one, a negative one has expired.
func (s *Server) Token(clientID, audience string, life time.Duration) (string, error) {
	if life == 0 {
		life = s.opt.TokenLife
	}
	a, found := s.application(clientID)
	if !found {
		return "", fmt.Errorf("application %s is unknown", clientID)
	}
	return s.tokens.issue(a.claims(audience, a.Tenants[0]), life), nil
}

func (a *Application) claims(audience, tenant string) claims {
	return claims{Audience: audience, AppID: a.ClientID, ObjectID: a.ObjectID, Name: a.Name, Tenant: tenant}
}

// application finds one that signs in; the administrator's is always there.
func (s *Server) application(clientID string) (a Application, found bool) {
	s.locked(func(time.Duration) {
		if clientID == AdminClientID {
			a, found = Application{ClientID: clientID, Secret: s.opt.Secret, Tenants: []string{s.store.Tenant()}}, true
			return
		}
		for _, b := range s.apps {
			if strings.EqualFold(b.ClientID, clientID) {
				a, found = b, true
			}
		}
	})
	return a, found
}

// tenantOf is the tenant that a token of the application is of, if it was asked
// for at an authority's path. False: the application isn't known there.
func (a *Application) tenantOf(path string) (string, bool) {
	switch strings.ToLower(path) {
	case "common", "organizations":
		return a.Tenants[0], true
	}
	i := slices.IndexFunc(a.Tenants, func(t string) bool { return strings.EqualFold(t, path) })
	if i < 0 {
		return "", false
	}
	return a.Tenants[i], true
}

// serveApplications makes an application known by the side API.
func (s *Server) serveApplications(w http.ResponseWriter, r *http.Request) {
	var a Application
	if !decode(w, r, &a) {
		return
	}
	if err := s.AddApplication(a); err != nil {
		writeError(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// refusal is how the authority says no (RFC 6749 section 5.2).
type refusal struct {
	status     int
	code, text string
}

func (r refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(map[string]any{"error": r.code, "error_description": r.text, "error_codes": []int{}})
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(r.status)
	_, _ = w.Write(body)
}

// foreign reports whether a token is of a tenant that the subscription isn't in.
func (s *Server) foreign(c claims) error {
	tenant := s.tokens.tenant
	if strings.EqualFold(c.Tenant, tenant) {
		return nil
	}
	return wrongTenant{c.Tenant, tenant}
}

// wrongTenant is ARM's refusal of a token of another tenant.
type wrongTenant struct{ got, want string }

func (e wrongTenant) Error() string {
	return fmt.Sprintf("the access token is from the wrong issuer 'https://sts.windows.net/%s/'. It must match the tenant 'https://sts.windows.net/%s/' associated with this subscription. Please use the authority (URL) 'https://login.windows.net/%s' to get the token. Note, if the subscription is transferred to another tenant there is no impact to the services, but information about new tenant could take time to propagate (up to an hour). If you just transferred your subscription and see this error message, please try back later",
		e.got, e.want, e.want)
}

// principals tells a store that was restored who can sign in.
func (s *Server) principals(st *store.Store) {
	for _, a := range s.apps {
		st.AddPrincipal(a.ObjectID)
	}
}
