package sitetest

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"releve.dev/releve/azure/emulator/store"
)

// Store is everything that is in Azure, by id in lower case, without what Azure
// makes up (ETags, GUIDs of its own, MAC addresses, states): two of them are
// equal if people would say so. A GUID that Azure made up for a resource is named
// by the resource, wherever it stands.
func (s *Site) Store() map[string]string {
	s.t.Helper()
	var raw []byte
	var err error
	s.Server.With(func(_ time.Duration, st *store.Store) { raw, err = st.Snapshot() })
	var all struct {
		Resources []struct {
			ID    string            `json:"id"`
			Extra map[string]string `json:"extra"`
		} `json:"resources"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		s.t.Fatalf("snapshot: %v", err)
	}
	found := map[string]string{}
	for _, r := range all.Resources {
		body := s.Get(r.ID)
		if identity, ok := body["identity"].(object); ok && identity["type"] == "None" {
			delete(body, "identity") // as it was before there was one
		}
		if tags, ok := body["tags"].(object); ok && len(tags) == 0 {
			delete(body, "tags")
		}
		settle(body)
		found[key(r.ID)] = resource(r.ID, body).Body
	}
	for _, r := range all.Resources {
		for name, value := range r.Extra {
			if guid.MatchString(value) {
				for id := range found {
					found[id] = replaceAll(found[id], value, name+" of "+key(r.ID))
				}
			}
		}
	}
	return found
}

// settle takes away what Azure writes itself.
func settle(v any) {
	switch v := v.(type) {
	case object:
		for _, name := range []string{"etag", "provisioningState", "resourceGuid", "vmId", "macAddress"} {
			delete(v, name)
		}
		for _, each := range v {
			settle(each)
		}
	case []any:
		for _, each := range v {
			settle(each)
		}
	}
}

var guid = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)

func replaceAll(text, old, with string) string {
	return regexp.MustCompile(`(?i)`+regexp.QuoteMeta(old)).ReplaceAllString(text, with)
}

// Compare lists what differs between two stores, for a test's message.
func Compare(before, after map[string]string) []string {
	var found []string
	for id, was := range before {
		if is, ok := after[id]; !ok {
			found = append(found, id+" is gone")
		} else if is != was {
			found = append(found, id+"\n  was "+was+"\n  is  "+is)
		}
	}
	for id, is := range after {
		if _, ok := before[id]; !ok {
			found = append(found, id+" is new: "+is)
		}
	}
	slices.Sort(found)
	return found
}
