package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

const committed = "../../docs/openapi.json"

func spec(t *testing.T) []byte {
	t.Helper()
	text, err := json.MarshalIndent(New(Parts{}).Spec(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// What is committed is what the code serves.
func TestTheSpecIsTheCode(t *testing.T) {
	text := spec(t)
	if *update {
		if err := os.WriteFile(committed, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Error("docs/openapi.json isn't what the code serves: make generate writes it anew")
	}
}
