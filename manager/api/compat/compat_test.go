package compat

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The API as it was released, and as it is: docs/openapi.released.json is
// written at a release, and what it promises holds in all of /api/v1.
func TestNothingReleasedIsBroken(t *testing.T) {
	const docs = "../../../docs/"
	before, err := os.ReadFile(docs + "openapi.released.json")
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(docs + "openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	found, err := Breaking(before, after)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

const sample = `{"paths": {"/sites": {
 "get": {"parameters": [{"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 500}},
   {"in": "query", "name": "by", "schema": {"type": "string", "enum": ["name", "age"]}}],
   "responses": {"200": {"headers": {"ETag": {}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Site"}}}}}},
 "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}}, "responses": {"201": {}}}}},
 "components": {"schemas": {
  "Site": {"type": "object", "required": ["name", "state"], "properties": {"name": {"type": "string"},
    "state": {"type": "string", "enum": ["new", "void"]}, "note": {"type": "string"},
    "parts": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Site"}}}},
  "New": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 200}, "gateway": {"type": "string"}}}}}}`

func TestBreaking(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"path", `"/sites"`, `"/places"`, "get /sites: removed"},
		{"method", `"post":`, `"put":`, "post /sites: removed"},
		{"parameter", `"name": "limit"`, `"name": "most"`, "get /sites: parameter query limit removed"},
		{"required parameter", `"name": "by",`, `"name": "by", "required": true,`, "get /sites: parameter query by is required now"},
		{"new required parameter", `"parameters": [`, `"parameters": [{"in": "query", "name": "x", "required": true},`, "get /sites: new parameter query x is required"},
		{"input's value", `["name", "age"]`, `["name"]`, "get /sites parameter query by: value age removed"},
		{"input's limit", `"maximum": 500`, `"maximum": 50`, "get /sites parameter query limit: maximum was 500 and is 50"},
		{"body", `"requestBody": {`, `"requestBody": {"required": true,`, "post /sites: a body is required now"},
		{"field of an input", `"gateway"`, `"via"`, "post /sites body.gateway: removed"},
		{"required field", `"required": ["name"]`, `"required": ["name", "gateway"]`, "post /sites body.gateway: is required now"},
		{"answer", `"201"`, `"202"`, "post /sites: answer 201 removed"},
		{"header", `"ETag"`, `"Age"`, "get /sites answer 200: header ETag removed"},
		{"field of an answer", `"note"`, `"remark"`, "get /sites answer 200.note: removed"},
		{"promise of an answer", `"required": ["name", "state"]`, `"required": ["name"]`, "get /sites answer 200.state: may be absent now"},
		{"answer's value", `["new", "void"]`, `["new"]`, "get /sites answer 200.state: value void removed"},
		{"type", `"note": {"type": "string"}`, `"note": {"type": "integer"}`, "get /sites answer 200.note: type was [string] and is [integer]"},
		{"media type", `{"201": {}}`, `{"201": {}}, "x": 1`, ""},
		// What is added or loosened breaks nobody.
		{"value added", `["new", "void"]`, `["new", "void", "assigned"]`, ""},
		{"field added", `"note":`, `"extra": {"type": "string"}, "note":`, ""},
		{"optional parameter", `"parameters": [`, `"parameters": [{"in": "query", "name": "x"},`, ""},
		{"limit loosened", `"maximum": 500`, `"maximum": 5000`, ""},
		{"input may be absent", `"required": ["name"]`, `"required": []`, ""},
		{"answer promises more", `"required": ["name", "state"]`, `"required": ["name", "state", "note"]`, ""},
		{"never null", `["array", "null"]`, `"array"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(sample, c.old, c.new, 1)
			if changed == sample {
				t.Fatal("the sample hasn't got it")
			}
			found, err := Breaking([]byte(sample), []byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(found) > 0 || c.want != "" && !slices.Contains(found, c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
