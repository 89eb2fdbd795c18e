package store

import (
	"net/url"
	"regexp"
	"strings"

	"releve.dev/releve/azure/emulator/rbac"
	"releve.dev/releve/azure/emulator/tree"
)

// accountKind is Microsoft.Storage/storageAccounts: blob containers and what
// lies in them, as far as a VHD needs it. Contents are nobody's business here;
// a blob is put as a child of its container with its length.
var accountKind = new(kind)

func init() {
	register(accountKind, kind{
		name: "Microsoft.Storage/storageAccounts", tracked: true,
		readOnly: []string{"primaryEndpoints", "primaryLocation", "statusOfPrimary", "creationTime"},
		accept:   acceptAccount, derive: deriveAccount, stored: storedAccount,
		posts: map[string]func(*Store, *call, *resource) Response{"listservicesas": listServiceSas},
	})
}

var (
	blobServiceKind = new(kind)
	containerKind   = new(kind)
	blobKind        = new(kind)
)

func init() {
	register(blobServiceKind, kind{name: "Microsoft.Storage/storageAccounts/blobServices"})
	register(containerKind, kind{name: "Microsoft.Storage/storageAccounts/blobServices/containers", accept: acceptContainer})
	register(blobKind, kind{name: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"})
}

var accountName = regexp.MustCompile(`^[a-z0-9]{3,24}$`)

func acceptAccount(s *Store, w *write) *Error {
	if !accountName.MatchString(w.target.name) {
		return bad("AccountNameInvalid", "%s is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.", w.target.name)
	}
	for _, r := range s.sorted {
		if r.kind == accountKind && r.key != w.key && r.name == w.target.name {
			return conflict("StorageAccountAlreadyTaken", "The storage account named %s is already taken.", w.target.name)
		}
	}
	setDefault(w.doc, "kind", "StorageV2")
	setDefault(w.doc, "sku", tree.Object{"name": "Standard_LRS", "tier": "Standard"})
	_, e := ensureProperties(w)
	return e
}

func deriveAccount(s *Store, r *resource, properties tree.Object) {
	properties["provisioningState"] = succeeded
	properties["primaryLocation"] = normalLocation(tree.Text(r.doc, "location"))
	properties["statusOfPrimary"] = "available"
	properties["primaryEndpoints"] = tree.Object{"blob": s.BlobEndpoint(r.name) + "/"}
}

// BlobEndpoint is the URL of an account's blobs.
func (s *Store) BlobEndpoint(account string) string {
	return "https://" + account + ".blob." + s.opt.BlobSuffix
}

// blobServiceSegment comes after an account's key.
const blobServiceSegment = "/blobservices/default"

// storedAccount makes the one blob service that each account has.
func storedAccount(s *Store, r *resource) {
	id := r.id + "/blobServices/default"
	if key := strings.ToLower(id); s.byKey[key] == nil {
		s.add(&resource{kind: blobServiceKind, id: id, key: key, name: "default", doc: tree.Object{"properties": tree.Object{}}})
	}
}

func acceptContainer(_ *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	setDefault(properties, "publicAccess", "None")
	return nil
}

// Blob is what lies in a container.
type Blob struct{ Length, Type string } // as they were put; PageBlob, where nothing was said

// Blob finds what lies in an account's container.
func (s *Store) Blob(account, container, name string) (b Blob, found bool) {
	for _, r := range s.blobs(account, container) {
		if r.name == name {
			b = Blob{Length: lengthOf(r), Type: tree.Text(r.doc, "properties", "blobType")}
			if b.Type == "" {
				b.Type = "PageBlob"
			}
			return b, true
		}
	}
	return b, false
}

// Blobs lists the names in a container. found is false if there is no such
// container.
func (s *Store) Blobs(account, container string) (names []string, found bool) {
	if s.byKey[s.ContainerKey(account, container)] == nil {
		return nil, false
	}
	for _, r := range s.blobs(account, container) {
		names = append(names, r.name)
	}
	return names, true
}

func lengthOf(r *resource) string {
	if length := tree.Text(r.doc, "properties", "contentLength"); length != "" {
		return length
	}
	return "0"
}

func (s *Store) account(name string) *resource {
	for _, r := range s.sorted {
		if r.kind == accountKind && r.name == name {
			return r
		}
	}
	return nil
}

func (s *Store) blobs(account, container string) []*resource {
	key := s.ContainerKey(account, container)
	if key == "" {
		return nil
	}
	var out []*resource
	for _, r := range s.under(key) {
		if r.kind == blobKind {
			out = append(out, r)
		}
	}
	return out
}

// checkBlob: a VHD that something is made of lies in an account of the same
// region.
func (s *Store) checkBlob(uri string, w *write) *Error {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || strings.Count(strings.Trim(u.Path, "/"), "/") < 1 {
		return bad("InvalidParameter", "The value '%s' is not a blob's URI.", uri)
	}
	name, _, _ := strings.Cut(u.Host, ".")
	container, blob, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	account := s.account(name)
	if account == nil {
		return bad("InvalidParameter", "The source blob %s does not belong to a storage account in subscription %s.", uri, s.opt.Subscription)
	}
	if normalLocation(tree.Text(account.doc, "location")) != normalLocation(tree.Text(w.doc, "location")) {
		return bad("BadRequest", "The source blob %s does not belong to the same region as the disk.", uri)
	}
	if _, found := s.Blob(name, container, blob); !found {
		return notFound("DiskBlobNotFound", "Unable to find VHD blob with URI %s for disk '%s'.", uri, w.target.name)
	}
	return nil
}

// ContainerKey is a container's id in lower case, "" if there is no such account.
func (s *Store) ContainerKey(account, container string) string {
	a := s.account(account)
	if a == nil {
		return ""
	}
	return a.key + blobServiceSegment + "/containers/" + strings.ToLower(container)
}

// PublicContainer reports whether anybody may read a container's blobs.
func (s *Store) PublicContainer(account, container string) bool {
	r := s.byKey[s.ContainerKey(account, container)]
	return r != nil && !strings.EqualFold(tree.Text(r.doc, "properties", "publicAccess"), "None")
}

// MayData reports whether a principal's roles allow an action on data.
func (s *Store) MayData(p Principal, action, scope string) bool {
	return p.Admin || rbac.AllowedData(s.grants, strings.ToLower(p.ObjectID), action, scope)
}
