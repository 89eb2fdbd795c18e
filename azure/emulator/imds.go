package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

// IMDSFault is what is wrong with a VM's metadata service.
type IMDSFault struct {
	Silent bool          // connections are accepted, nothing is answered
	Status int           // 0: as usual
	Delay  time.Duration // before each answer
}

// SetIMDSFault makes the metadata service of a VM fail; the zero fault heals it.
func (s *Server) SetIMDSFault(vmID string, f IMDSFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.imds[strings.ToLower(vmID)] = f
	if !s.closed {
		close(s.healed)
		s.healed = make(chan struct{})
	}
}

// IMDSHandler is the instance metadata service of one VM (learn.microsoft.com/
// azure/virtual-machines/instance-metadata-service), to be served on
// 169.254.169.254:80 inside it.
func (s *Server) IMDSHandler(vmID string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata/identity/oauth2/token", func(w http.ResponseWriter, r *http.Request) { s.serveIdentity(w, r, vmID) })
	mux.HandleFunc("GET /metadata/instance", func(w http.ResponseWriter, r *http.Request) { s.serveInstance(w, r, vmID) })
	mux.HandleFunc("GET /metadata/instance/{path...}", func(w http.ResponseWriter, r *http.Request) { s.serveInstance(w, r, vmID) })
	mux.HandleFunc("GET /metadata/scheduledevents", func(w http.ResponseWriter, _ *http.Request) {
		var events tree.Object
		s.locked(func(time.Duration) { events = s.store.ScheduledEvents() })
		writeJSON(w, http.StatusOK, events)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.imdsFault(w, r, vmID):
		case !strings.EqualFold(r.Header.Get("Metadata"), "true"):
			imdsError(w, "invalid_request", "Required metadata header not specified")
		case r.Header.Get("X-Forwarded-For") != "":
			imdsError(w, "invalid_request", "Requests with X-Forwarded-For are refused")
		case r.URL.Query().Get("api-version") == "":
			writeJSON(w, http.StatusBadRequest, map[string]any{"error": "Bad request. api-version was not specified in the request. For more information refer to aka.ms/azureimds",
				"newest-versions": []string{"2021-02-01", "2020-12-01", "2020-10-01"}})
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func imdsError(w http.ResponseWriter, code, text string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": text})
}

// imdsFault is what befalls a request to the metadata service; true if that
// was its answer.
func (s *Server) imdsFault(w http.ResponseWriter, r *http.Request, vmID string) bool {
	for {
		s.mu.Lock()
		f, healed, closed := s.imds[strings.ToLower(vmID)], s.healed, s.closed
		s.mu.Unlock()
		if f.Silent && !closed {
			select {
			case <-healed:
				continue
			case <-r.Context().Done():
			}
		}
		if f.Silent || !wait(r, f.Delay) {
			panic(http.ErrAbortHandler)
		}
		if f.Status != 0 {
			writeJSON(w, f.Status, map[string]string{"error": "server_error", "error_description": "The metadata service fails."})
		}
		return f.Status != 0
	}
}

// serveIdentity gives the VM a token of one of its identities.
func (s *Server) serveIdentity(w http.ResponseWriter, r *http.Request, vmID string) {
	query := r.URL.Query()
	resource := query.Get("resource")
	if resource == "" {
		imdsError(w, "invalid_request", "Required query variable 'resource' is missing")
		return
	}
	var list []store.Identity
	s.locked(func(time.Duration) { list, _ = s.store.Identities(vmID) })
	clientID, objectID, resID := query.Get("client_id"), query.Get("object_id"), query.Get("msi_res_id")
	if resID == "" {
		resID = query.Get("mi_res_id")
	}
	named := clientID+objectID+resID != ""
	if !named && len(list) > 1 {
		imdsError(w, "invalid_request", "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request")
		return
	}
	for _, id := range list {
		if named && !strings.EqualFold(id.ClientID, clientID) && !strings.EqualFold(id.PrincipalID, objectID) && !strings.EqualFold(id.ID, resID) {
			continue
		}
		now, life := time.Now(), s.opt.TokenLife
		writeJSON(w, http.StatusOK, map[string]string{
			"access_token": s.tokens.issue(claims{Audience: resource, AppID: id.ClientID, ObjectID: id.PrincipalID, Identity: id.ID, VM: vmID}, life),
			"client_id":    id.ClientID, "resource": resource, "token_type": "Bearer",
			"expires_in": strconv.Itoa(int(life / time.Second)), "ext_expires_in": strconv.Itoa(int(life / time.Second)),
			"expires_on": strconv.FormatInt(now.Add(life).Unix(), 10), "not_before": strconv.FormatInt(now.Add(-5*time.Minute).Unix(), 10),
		})
		return
	}
	imdsError(w, "invalid_request", "Identity not found")
}

// serveInstance answers the whole document or a part of it; a leaf only as
// text, as the service does.
func (s *Server) serveInstance(w http.ResponseWriter, r *http.Request, vmID string) {
	var body []byte
	var isLeaf, found bool
	s.locked(func(time.Duration) {
		o, ok := s.store.Instance(vmID)
		if !ok {
			return
		}
		var v any
		if v, found = walk(o, r.PathValue("path")); !found {
			return
		}
		if text, ok := v.(string); ok {
			body, isLeaf = []byte(text), true
			return
		}
		body, _ = json.Marshal(v)
	})
	switch text := r.URL.Query().Get("format") == "text"; {
	case !found:
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "Not found"})
	case isLeaf != text:
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "Not found. format=text is for leaves, JSON for the rest"})
	case text:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(body)
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(body)
	}
}

func walk(v any, path string) (any, bool) {
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		if name == "" {
			continue
		}
		switch at := v.(type) {
		case tree.Object:
			member, ok := at[name]
			if !ok {
				return nil, false
			}
			v = member
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}
