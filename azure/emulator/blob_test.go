package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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

// TestSignedBlobs: who may ask ARM for a SAS sees the one blob, for as long as it
// says, unless the account allows no keys.
func TestSignedBlobs(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	const account = group + "/providers/Microsoft.Storage/storageAccounts/images"
	place := func(path, body string) {
		t.Helper()
		if err := w.s.Place(path, body); err != nil {
			t.Fatal(err)
		}
	}
	place(account, `{"location":"westeurope"}`)
	place(account+"/blobServices/default/containers/vhds", `{}`)
	place(account+"/blobServices/default/containers/vhds/blobs/a.vhd", `{"properties":{"contentLength":512,"blobType":"BlockBlob"}}`)
	place(account+"/blobServices/default/containers/vhds/blobs/b.vhd", `{}`)
	sas := func(blob string, expires time.Time) string {
		t.Helper()
		answer := w.s.Do("POST", account+"/listServiceSas?api-version=2023-05-01", "",
			`{"canonicalizedResource":"/blob/images/vhds/`+blob+`","signedResource":"b","signedPermission":"r","signedExpiry":"`+expires.UTC().Format(time.RFC3339)+`"}`)
		var got struct{ ServiceSasToken string }
		if err := json.Unmarshal(answer.Body, &got); err != nil || answer.Status != 200 {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		return got.ServiceSasToken
	}
	check := func(what, path, token string, status int, code string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "HEAD", w.base+path+"?"+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "images.blob.core.windows.net"
		answer, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != status || answer.Header.Get("x-ms-error-code") != code || status == 200 && answer.Header.Get("x-ms-blob-type") != "BlockBlob" {
			t.Errorf("%s: %d %v, want %d %s", what, answer.StatusCode, answer.Header, status, code)
		}
	}
	soon := time.Now().Add(time.Minute)
	check("signed", "/vhds/a.vhd", sas("a.vhd", soon), 200, "")
	check("signed for another", "/vhds/a.vhd", sas("b.vhd", soon), 403, "AuthenticationFailed")
	check("expired", "/vhds/a.vhd", sas("a.vhd", time.Now().Add(-time.Minute)), 403, "AuthenticationFailed")
	check("of no blob", "/vhds/c.vhd", sas("c.vhd", soon), 404, "BlobNotFound")
	token := sas("a.vhd", soon)
	place(account, `{"location":"westeurope","properties":{"allowSharedKeyAccess":false}}`)
	check("without keys", "/vhds/a.vhd", token, 403, "KeyBasedAuthenticationNotPermitted")
}
