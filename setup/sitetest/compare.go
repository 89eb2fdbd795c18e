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
// equal if people would say so. A GUID that Azure made up is the same wherever
// it stands, so it is numbered by its first appearance.
func (s *Site) Store() map[string]string {
	s.t.Helper()
	var raw []byte
	var err error
	s.Server.With(func(_ time.Duration, st *store.Store) { raw, err = st.Snapshot() })
	var all struct {
		Resources []struct {
			ID    string            `json:"id"`
			Doc   object            `json:"doc"`
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
		if identity, ok := r.Doc["identity"].(object); ok && identity["type"] == "None" {
			delete(r.Doc, "identity") // as Azure shows it
		}
		if tags, ok := r.Doc["tags"].(object); ok && len(tags) == 0 {
			delete(r.Doc, "tags")
		}
		text, err := json.Marshal(r.Doc)
		if err != nil {
			s.t.Fatal(err)
		}
		found[key(r.ID)] = string(text)
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
