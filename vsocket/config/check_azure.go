package config

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

	// Azure's naming rules; resource groups may have letters of any script.
	groupName    = regexp.MustCompile(`^[\p{L}\p{N}_().-]{0,89}[\p{L}\p{N}_()-]$`)
	resourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$`)
)

func (k *checker) azure(a *Azure) {
	k.address("azure.endpoint", a.Endpoint, "https")
	k.address("azure.imds", a.IMDS, "http", "https")
	if a.Audience != "" {
		if u, err := url.Parse(a.Audience); err != nil || u.Scheme == "" {
			k.Fail("azure.audience", "", "%q is not a URI", a.Audience)
		}
	}
	if a.CAFile != "" && !filepath.IsAbs(a.CAFile) {
		k.Fail("azure.ca_file", "", "%q is not an absolute path", a.CAFile)
	}
	if a.ClientID != "" && !guid.MatchString(a.ClientID) {
		k.Fail("azure.client_id", "az identity show --query clientId prints it", "%q is not a client id (a GUID)", a.ClientID)
	}
	if k.Present("azure.subscription") && !guid.MatchString(a.Subscription) {
		k.Fail("azure.subscription", "az account show --query id prints it", "%q is not a subscription id (a GUID)", a.Subscription)
	}
	k.ref("azure.nic", a.NIC)
	k.ref("azure.peer_nic", a.PeerNIC)
	if a.NIC != (Ref{}) && same(a.NIC, a.PeerNIC) {
		k.Fail("azure.peer_nic", "", "%q is this vSocket's own NIC (azure.nic)", a.PeerNIC.Name)
	}
	if k.Given("azure.peer_vm") {
		k.ref("azure.peer_vm", a.PeerVM)
	}
	k.name("azure.subnet.resource_group", a.Subnet.Group, groupName)
	k.name("azure.subnet.vnet", a.Subnet.VNet, resourceName)
	k.name("azure.subnet.name", a.Subnet.Name, resourceName)
}

// address checks the base URL of a service.
func (k *checker) address(path, text string, schemes ...string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		k.Fail(path, "", "%q is not an address like %s://host", text, schemes[0])
		return
	}
	allowed := false
	for _, scheme := range schemes {
		allowed = allowed || u.Scheme == scheme
	}
	switch {
	case !allowed:
		k.Fail(path, "", "%q is not %s", text, strings.Join(schemes, " or "))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		k.Fail(path, "", "%q has more than a host and a port", text)
	}
}

func (k *checker) ref(path string, ref Ref) {
	k.name(path+".resource_group", ref.Group, groupName)
	k.name(path+".name", ref.Name, resourceName)
}

func (k *checker) name(path, name string, rule *regexp.Regexp) {
	if k.Present(path) && !rule.MatchString(name) {
		k.Fail(path, "", "%q is not a name that Azure gives", name)
	}
}

// same compares as Azure does, without regard to case.
func same(a, b Ref) bool {
	return strings.EqualFold(a.Group, b.Group) && strings.EqualFold(a.Name, b.Name)
}
