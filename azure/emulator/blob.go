package emulator

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/store"
)

// The data plane of blobs, as far as somebody asks whether a VHD is there
// (learn.microsoft.com/rest/api/storageservices): Get Blob Properties and List
// Blobs. Blobs have a length and no content.

// blobAccount is the storage account that a host name is of.
func blobAccount(host string) (string, bool) {
	account, rest, _ := strings.Cut(host, ".")
	return account, strings.HasPrefix(rest, "blob.")
}

// storageAudiences are what a token for blobs is for.
var storageAudiences = []string{"https://storage.azure.com", "https://storage.azure.com/"}

const readBlobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"

func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request, account string) {
	refuse := func(status int, code, message string) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("x-ms-error-code", code)
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			body, err := xml.Marshal(blobError{Code: code, Message: message})
			if err == nil {
				_, _ = w.Write(append([]byte(xml.Header), body...))
			}
		}
	}
	container, blob, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	may, signedIn := s.mayReadBlobs(r, account, container)
	var names []string
	var is store.Blob
	var there, found bool
	signed := ""
	s.locked(func(time.Duration) {
		names, there = s.store.Blobs(account, container)
		is, found = s.store.Blob(account, container, blob)
		if query := r.URL.Query(); query.Has("sig") {
			signed = s.store.Signed(query, account, container, blob, s.tokens.wall())
			may = signed == ""
		}
	})
	switch {
	case signed != "":
		refuse(http.StatusForbidden, signed, "The signature in the request gives no access.")
	case !may && !signedIn:
		refuse(http.StatusNotFound, "ResourceNotFound", "The specified resource does not exist.") // Azure doesn't tell strangers what there is
	case !may:
		refuse(http.StatusForbidden, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")
	case !there:
		refuse(http.StatusNotFound, "ContainerNotFound", "The specified container does not exist.")
	case blob == "" && r.Method == http.MethodGet && r.URL.Query().Get("comp") == "list":
		writeBlobs(w, container, names)
	case r.Method != http.MethodHead:
		refuse(http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The emulator's blobs have no content.")
	case !found:
		refuse(http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
	default:
		w.Header().Set("Content-Length", is.Length)
		w.Header().Set("x-ms-blob-type", is.Type)
		w.WriteHeader(http.StatusOK)
	}
}

type blobError struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
}

type blobList struct {
	XMLName   xml.Name `xml:"EnumerationResults"`
	Container string   `xml:"ContainerName,attr"`
	Names     []string `xml:"Blobs>Blob>Name"`
}

func writeBlobs(w http.ResponseWriter, container string, names []string) {
	body, err := xml.Marshal(blobList{Container: container, Names: names})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(append([]byte(xml.Header), body...))
}

// mayReadBlobs: anybody where the container is public, else who has a role with
// that data action, or a SAS. Being Owner is not enough.
func (s *Server) mayReadBlobs(r *http.Request, account, container string) (may, signedIn bool) {
	var c claims
	token, err := s.tokens.check(r.Header.Get("Authorization"))
	if err == nil {
		for _, audience := range storageAudiences {
			signedIn = signedIn || token.Audience == audience
		}
		c = token
	}
	s.locked(func(time.Duration) {
		may = s.store.PublicContainer(account, container) || signedIn && s.store.MayData(c.principal(), readBlobs, s.store.ContainerKey(account, container))
	})
	return may, signedIn
}
