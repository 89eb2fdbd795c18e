package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// Tags say on the resources themselves what ha made of them, so that undo works
// from any machine.
const (
	TagSite      = "releve-site"        // on what ha made or changed: whose it is
	TagFloating  = "releve-floating-ip" // on the primary's LAN NIC: the floating IP that ha made
	TagWas       = "releve-was-"        // and a route's name, on its table: the next hop before, and whose change it was
	TagRestarted = "releve-restarted"   // on a VM: ha has restarted it
	TagStarted   = "releve-started"     // on a VM: undo has started it; the power state before
	TagDigest    = "releve-digest"      // on an extension: of the settings that it gave, without secrets
	TagKey       = "releve-key"         // on an extension: which key it gave
)

// Extension is the name of the custom-script extension on each VM.
const Extension = "releve-ha"

// FloatingConfig is the name of the ipConfiguration that ha makes.
const FloatingConfig = "releve-floating-ip"

// Types of the resources that ha makes.
const (
	identities  = "Microsoft.ManagedIdentity/userAssignedIdentities"
	definitions = "Microsoft.Authorization/roleDefinitions"
	assignments = "Microsoft.Authorization/roleAssignments"
)

// SiteOf is whose the resources of a site are: the primary VM's group and name.
func SiteOf(f *doctor.Facts) string { return f.Wanted.Group + "/" + f.Members[0].VM.Name }

// IdentityID is the resource id of the site's identity.
func IdentityID(f *doctor.Facts) string {
	return document.Resource(f.Wanted.Subscription, f.Wanted.Group, identities, "releve-"+f.Members[0].VM.Name)
}

// derive makes a GUID of ours: the same for the same thing, whoever asks, and in
// whatever case Azure gave its ids.
func derive(parts ...string) string {
	text := strings.ToLower(strings.Join(parts, "\n"))
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://releve.dev/setup\n"+text)).String()
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// groups are the resource groups' ids, each once, the VMs' first.
func groups(f *doctor.Facts) []string {
	list := []string{document.Group(f.Wanted.Subscription, f.Wanted.Group)}
	if other := f.Wanted.NetworkGroup; other != "" && !strings.EqualFold(other, f.Wanted.Group) {
		list = append(list, document.Group(f.Wanted.Subscription, other))
	}
	return list
}

// mine reports that a resource has the tag of the site.
func mine(is document.Document, site string) bool {
	return strings.EqualFold(is.Text("tags", TagSite), site)
}

// untag takes tags away, and the object that has none left.
func untag(d document.Document, names ...string) {
	tags := d.Object("tags")
	for name := range tags {
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			delete(tags, name)
		}
	}
	if len(tags) == 0 {
		d.Delete("tags")
	}
}
