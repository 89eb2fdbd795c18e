package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

// sideAPI is how the emulator itself is watched and disturbed, under a path
// that no client of ARM uses. It asks for no token: the emulator is for one's
// own machine.
//
//	GET, POST /_emulator/faults      DELETE /_emulator/faults[/{id}]
//	GET /_emulator/calls             GET /_emulator/operations
//	GET /_emulator/violations        GET /_emulator/plane
//	GET /_emulator/ca                GET /_emulator/snapshot
//	POST /_emulator/applications
//	GET, PUT /_emulator/profile      GET, PUT /_emulator/switches
func (s *Server) sideAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_emulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		list := []store.Fault{}
		s.locked(func(time.Duration) { list = append(list, s.store.Faults()...) })
		writeJSON(w, http.StatusOK, list)
	})
	mux.HandleFunc("POST /_emulator/faults", s.postFault)
	mux.HandleFunc("DELETE /_emulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Clear(0)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /_emulator/faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		if err != nil || id == 0 || !s.Clear(id) {
			writeError(w, http.StatusNotFound, "NotFound", "There is no such fault.")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_emulator/applications", s.serveApplications)
	mux.HandleFunc("GET /_emulator/calls", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, notNil(s.Calls())) })
	mux.HandleFunc("GET /_emulator/operations", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, notNil(s.Operations())) })
	mux.HandleFunc("GET /_emulator/violations", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, notNil(s.Violations())) })
	mux.HandleFunc("GET /_emulator/plane", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Plane()) })
	mux.HandleFunc("GET /_emulator/ca", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(s.CA())
	})
	mux.HandleFunc("GET /_emulator/snapshot", s.getSnapshot)
	mux.HandleFunc("GET /_emulator/profile", func(w http.ResponseWriter, _ *http.Request) {
		var name string
		s.locked(func(time.Duration) { name = s.store.Profile().Name })
		writeJSON(w, http.StatusOK, map[string]string{"name": name})
	})
	mux.HandleFunc("PUT /_emulator/profile", s.putProfile)
	mux.HandleFunc("GET /_emulator/switches", func(w http.ResponseWriter, _ *http.Request) {
		var switches store.Switches
		s.locked(func(time.Duration) { switches = s.store.Switches() })
		writeJSON(w, http.StatusOK, switches)
	})
	mux.HandleFunc("PUT /_emulator/switches", s.putSwitches)
	return mux
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// decode reads a strict JSON body; it answers by itself if it can't.
func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		writeError(w, http.StatusBadRequest, "BadRequest", err.Error())
		return false
	}
	return true
}

func (s *Server) postFault(w http.ResponseWriter, r *http.Request) {
	var f store.Fault
	if !decode(w, r, &f) {
		return
	}
	id, err := s.Inject(f)
	if err != nil {
		writeError(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, map[string]int{"id": id})
}

func (s *Server) putProfile(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
	}
	if !decode(w, r, &in) {
		return
	}
	p, err := profile.Parse(in.Name)
	if err != nil {
		writeError(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	s.SetProfile(p)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) putSwitches(w http.ResponseWriter, r *http.Request) {
	var switches store.Switches
	if !decode(w, r, &switches) {
		return
	}
	s.locked(func(time.Duration) { s.store.SetSwitches(switches) })
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) getSnapshot(w http.ResponseWriter, _ *http.Request) {
	var data []byte
	var err error
	s.locked(func(time.Duration) { data, err = s.store.Snapshot() })
	if err != nil {
		writeError(w, http.StatusInternalServerError, "InternalServerError", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(data)
}
