package emulator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"releve.dev/releve/azure/emulator"
)

// TestBlobs: whether a VHD is there is told to who may read data; owning the
// account isn't that.
func TestBlobs(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	const account = group + "/providers/Microsoft.Storage/storageAccounts/images"
	for _, each := range [][2]string{
		{account, `{"location":"westeurope"}`},
		{account + "/blobServices/default/containers/vhds", `{}`},
		{account + "/blobServices/default/containers/vhds/blobs/a.vhd", `{"properties":{"contentLength":512}}`},
	} {
		if err := w.s.Place(each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	reader := emulator.Application{ClientID: "reader", Secret: "s"}
	if err := w.s.AddApplication(reader); err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string, signedIn bool) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, w.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "images.blob.core.windows.net"
		if signedIn {
			token, err := w.s.Token("reader", "https://storage.azure.com", 0)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	check := func(answer *http.Response, status int, code string) {
		t.Helper()
		if answer.StatusCode != status || answer.Header.Get("x-ms-error-code") != code {
			t.Fatalf("%d %s, want %d %s", answer.StatusCode, answer.Header.Get("x-ms-error-code"), status, code)
		}
	}
	assign := func(scope, role, n string) {
		t.Helper()
		if err := w.s.Place(scope+"/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-0000000000e"+n,
			`{"properties":{"roleDefinitionId":"`+sub+`/providers/Microsoft.Authorization/roleDefinitions/`+role+`","principalId":"reader"}}`); err != nil {
			t.Fatal(err)
		}
	}
	check(ask("HEAD", "/vhds/a.vhd", false), 404, "ResourceNotFound")
	assign(account, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "1")
	check(ask("HEAD", "/vhds/a.vhd", true), 403, "AuthorizationPermissionMismatch")
	assign(account, "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "2")
	there := ask("HEAD", "/vhds/a.vhd", true)
	check(there, 200, "")
	if there.ContentLength != 512 {
		t.Fatalf("%d bytes", there.ContentLength)
	}
	check(ask("HEAD", "/vhds/b.vhd", true), 404, "BlobNotFound")
	check(ask("HEAD", "/else/a.vhd", true), 404, "ContainerNotFound")
	body, err := io.ReadAll(ask("GET", "/vhds?restype=container&comp=list", true).Body)
	if err != nil || !strings.Contains(string(body), "<Name>a.vhd</Name>") {
		t.Fatalf("%s %v", body, err)
	}
}
