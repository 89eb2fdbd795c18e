package store_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Every query that a person's request can reach names the account. These can't
// be reached so: there a vSocket with a certificate is the caller, or the manager
// itself.
func TestQueriesNameTheAccount(t *testing.T) {
	fleets := []string{"VSocketOfAny", "VoidSerials", "RegisterVSocket", "SeeVSocket", "SetProgress", "TakeNumber"}
	var queries []string
	for _, file := range []string{"queries/inventory.sql", "queries/pops.sql"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		queries = append(queries, strings.Split(string(text), "-- name: ")[1:]...)
	}
	if len(queries) < 30 {
		t.Fatalf("%d queries", len(queries))
	}
	for _, q := range queries {
		name, _, _ := strings.Cut(q, " ")
		scoped := strings.Contains(q, "account_id = ") || strings.HasPrefix(name, "Insert") && strings.Contains(q, "account_id")
		if scoped == slices.Contains(fleets, name) {
			t.Errorf("%s: names the account: %t", name, scoped)
		}
	}
}
