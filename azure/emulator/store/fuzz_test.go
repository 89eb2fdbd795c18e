package store_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
)

// FuzzNICBody: no body makes the store panic, and what was accepted is what a
// GET shows: each member that was sent and isn't derived.
func FuzzNICBody(f *testing.F) {
	for _, seed := range []string{
		nicBody("10.102.2.10", fip), nicBody("10.102.2.10", ""), `{}`, `{"location":"westeurope"}`, `null`, `[]`, `{"location":1}`,
		`{"location":"westeurope","properties":null}`, `{"location":"westeurope","properties":{"ipConfigurations":[null,1,{}]}}`,
		`{"location":"westeurope","properties":{"ipConfigurations":[{"name":"ipconfig1","properties":7}]}}`,
		`{"location":"westeurope","properties":{"dnsSettings":[],"ipConfigurations":[{"name":"ipconfig1","properties":{"primary":"true","subnet":{"id":"` + lan + `"}}}]}}`,
	} {
		f.Add([]byte(seed))
	}
	base := newBench(f, store.Options{})
	saved, err := base.s.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := store.Restore(saved, 0, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, s: s}
		answer := b.do("PUT", nicP, "", string(body))
		b.pass(time.Second)
		s.Plane()
		shown := b.object(b.do("GET", nicP, "", ""))
		if answer.Status != 200 {
			return
		}
		sent := b.object(store.Response{Body: body})
		for _, derived := range []string{"id", "name", "type", "etag", "properties"} {
			delete(sent, derived)
		}
		for name, member := range sent {
			if !reflect.DeepEqual(shown[name], member) {
				t.Fatalf("%s: sent %v, shown %v", name, member, shown[name])
			}
		}
		if n := len(tree.Objects(shown, "properties", "ipConfigurations")); n == 0 {
			t.Fatal("a NIC without IP configuration")
		}
	})
}

// FuzzPath: no path makes the store panic, and the case of its letters changes
// nothing, as in ARM.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{nicP, nicP + "/ipConfigurations", nicP + "/ipConfigurations/x", lan, vmP + "/instanceView", vmP + "/start", sub, sub + "/resourceGroups",
		"/", "//", "/providers", "/subscriptions/x/providers/", nicP + "/providers/Microsoft.Authorization/permissions", "/%zz", "/a?%zz", sub + "/providers/Microsoft.Network/locations/w/operations/x"} {
		for _, method := range []string{"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "X"} {
			f.Add(method, seed+"?api-version=1")
		}
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		b := &bench{t: t, s: store.New(store.Options{})}
		if err := b.s.Place(0, site, `{"location":"westeurope"}`); err != nil {
			t.Fatal(err)
		}
		answer := b.s.Handle(0, store.Request{Method: method, Path: path, Body: []byte(`{"location":"x"}`), Principal: store.Admin()})
		if answer.Status == 0 {
			t.Fatal("no status")
		}
		b.s.Plane()
		get := store.Request{Method: "GET", Path: path, Principal: store.Admin()}
		one := b.s.Handle(0, get)
		get.Path = otherCase(path)
		if two := b.s.Handle(0, get); one.Status != two.Status || one.Code != two.Code {
			t.Fatalf("%d %s for %q, %d %s for %q", one.Status, one.Code, path, two.Status, two.Code, get.Path)
		}
	})
}

// otherCase swaps the case of a path's letters; those of the query stay.
func otherCase(path string) string {
	path, query, has := strings.Cut(path, "?")
	swapped := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, path)
	if has {
		swapped += "?" + query
	}
	return swapped
}
