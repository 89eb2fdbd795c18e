package store

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

// nicKind is Microsoft.Network/networkInterfaces. A PUT replaces all of it:
// what can be written and is left out is reset (azure-rest-api-specs#11948).
var nicKind = new(kind)

func init() {
	register(nicKind, kind{
		name: "Microsoft.Network/networkInterfaces", class: profile.NIC, etag: true, tracked: true, putName: "PutNicOperation",
		// the specification's readOnly properties (azure.md section 1)
		readOnly: []string{"macAddress", "primary", "virtualMachine", "privateEndpoint", "dscpConfiguration", "hostedWorkloads",
			"tapConfigurations", "vnetEncryptionSupported", "defaultOutboundConnectivityEnabled"},
		accept: acceptNIC, derive: deriveNIC, parse: parseNIC, links: nicLinks, inUse: nicInUse, gone: nicGone,
		posts: map[string]func(*Store, *call, *resource) Response{
			"effectiveroutetable":            effective("GetEffectiveRouteTableOperation", effectiveRouteTable),
			"effectivenetworksecuritygroups": effective("GetEffectiveNetworkSecurityGroupsOperation", effectiveGroups),
		},
	})
}

var ipConfigurationKind = new(kind)

func init() {
	register(ipConfigurationKind, kind{
		name:   "Microsoft.Network/networkInterfaces/ipConfigurations",
		inside: &inside{parent: "Microsoft.Network/networkInterfaces", list: "ipConfigurations", readOnly: true},
	})
}

// nicForm is a NIC as the data plane needs it.
type nicForm struct {
	configs    []ipConfig
	nsg        string // key
	forwarding bool
}

type ipConfig struct {
	name   string
	addr   netip.Addr
	subnet string // key
	public string // key of the public address
	asgs   []string
}

// maxAddresses is Azure's limit of private addresses on one NIC.
const maxAddresses = 256

func acceptNIC(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	configs, e := prepareItems(w, "ipConfigurations", "privateLinkConnectionProperties")
	if e != nil {
		return e
	}
	if len(configs) == 0 {
		return bad("InvalidIPConfigCount", "Network interface %s must have one or more IP configurations.", w.target.name)
	}
	if len(configs) > maxAddresses {
		return bad("IPConfigCountExceedsLimit", "Network interface %s has more than %d IP configurations.", w.target.name, maxAddresses)
	}
	for _, name := range []string{"enableAcceleratedNetworking", "enableIPForwarding", "disableTcpStateTracking"} {
		properties[name] = tree.Bool(properties, name)
	}
	if dns := tree.Sub(properties, "dnsSettings"); dns != nil {
		for _, name := range []string{"appliedDnsServers", "internalFqdn", "internalDomainNameSuffix"} {
			delete(dns, name)
		}
	}
	if e := s.checkNICReferences(w, properties); e != nil {
		return e
	}
	if e := s.choosePrimary(w, configs); e != nil {
		return e
	}
	if e := s.allocate(w, configs); e != nil {
		return e
	}
	if w.extra["mac"] == "" {
		w.extra["mac"] = s.newMAC()
	}
	return nil
}

// ensureProperties makes sure that a body has properties that are an object.
func ensureProperties(w *write) (tree.Object, *Error) {
	raw, present := w.doc["properties"]
	if !present {
		raw = tree.Object{}
		w.doc["properties"] = raw
	}
	properties, ok := raw.(tree.Object)
	if !ok {
		return nil, bad("InvalidRequestFormat", "Cannot parse the request: 'properties' is not an object.")
	}
	if raw, present := w.doc["tags"]; present {
		if _, ok := raw.(tree.Object); !ok {
			return nil, bad("InvalidRequestFormat", "Cannot parse the request: 'tags' is not an object.")
		}
	}
	return properties, nil
}

// choosePrimary keeps Azure's rules: exactly one primary, which can neither be
// deleted nor renamed.
func (s *Store) choosePrimary(w *write, configs []tree.Object) *Error {
	var primaries []tree.Object
	for _, config := range configs {
		if tree.Bool(config, "properties", "primary") {
			primaries = append(primaries, config)
		}
	}
	old := ""
	if w.old != nil {
		old = primaryName(w.old.doc)
	}
	if old != "" && !slices.ContainsFunc(configs, func(c tree.Object) bool { return strings.EqualFold(tree.Text(c, "name"), old) }) {
		return bad("IpConfigDeleteNotSupported",
			"IP Configuration %s cannot be deleted. Deletion and renaming of primary IP Configuration is not supported", old)
	}
	if len(primaries) == 0 && len(configs) == 1 {
		primaries = configs
	}
	if len(primaries) == 0 {
		return bad("NetworkInterfaceMustHaveOneOneIPConfigAsPrimary",
			"Network Interface %s specifies multiple IPConfigurations but none of the IPConfigurations is specified as Primary.", w.target.name)
	}
	if len(primaries) > 1 {
		return bad("MultiplePrimaryIPConfigsOnNic",
			"Network Interface %s specifies multiple IPConfigurations as Primary.", w.target.name)
	}
	if old != "" && !strings.EqualFold(tree.Text(primaries[0], "name"), old) {
		return bad("IpConfigDeleteNotSupported",
			"IP Configuration %s cannot be deleted. Deletion and renaming of primary IP Configuration is not supported", old)
	}
	for _, config := range configs {
		inner := tree.Sub(config, "properties")
		if inner == nil {
			inner = tree.Object{}
			config["properties"] = inner
		}
		inner["primary"] = tree.Text(config, "name") == tree.Text(primaries[0], "name")
	}
	return nil
}

func primaryName(doc tree.Object) string {
	for _, config := range tree.Objects(doc, "properties", "ipConfigurations") {
		if tree.Bool(config, "properties", "primary") {
			return tree.Text(config, "name")
		}
	}
	return ""
}

// checkNICReferences: what a NIC refers to must be there, be of the right
// kind, and be provisioned.
func (s *Store) checkNICReferences(w *write, properties tree.Object) *Error {
	refs := []struct{ id, kind string }{{tree.Text(properties, "networkSecurityGroup", "id"), nsgKind.name}}
	for _, config := range tree.Objects(properties, "ipConfigurations") {
		subnet := tree.Text(config, "properties", "subnet", "id")
		if subnet == "" {
			return bad("SubnetIsRequired", "Subnet reference is required for ipconfiguration %s/ipConfigurations/%s.", w.id, tree.Text(config, "name"))
		}
		vnet, _, _ := cutSubnet(strings.ToLower(subnet))
		if s.subnet(strings.ToLower(subnet)) == nil {
			return invalidReference(subnet, w.id)
		}
		refs = append(refs, struct{ id, kind string }{vnet, vnetKind.name},
			struct{ id, kind string }{tree.Text(config, "properties", "publicIPAddress", "id"), publicIPKind.name})
		for _, asg := range tree.Objects(config, "properties", "applicationSecurityGroups") {
			refs = append(refs, struct{ id, kind string }{tree.Text(asg, "id"), asgKind.name})
		}
	}
	for _, ref := range refs {
		if ref.id == "" {
			continue
		}
		r := s.byKey[strings.ToLower(ref.id)]
		if r == nil || r.kind.name != ref.kind {
			return invalidReference(ref.id, w.id)
		}
		if e := s.provisioned(r, w.id); e != nil {
			return e
		}
	}
	if e := s.checkMove(w, properties); e != nil {
		return e
	}
	return s.checkPublic(w, properties)
}

// checkMove: a secondary NIC in use stays in its subnet.
func (s *Store) checkMove(w *write, properties tree.Object) *Error {
	if w.old == nil {
		return nil
	}
	vm, primary := s.vmOf(w.key)
	now := tree.Text(tree.Objects(properties, "ipConfigurations")[0], "properties", "subnet", "id")
	if vm == nil || primary || strings.EqualFold(now, w.old.form.(*nicForm).configs[0].subnet) {
		return nil
	}
	return bad("SecondaryNetworkInterfaceInUseCannotChangeSubnet", "Cannot change subnet of network interface %s while it is in use as a secondary network interface.", w.id)
}

func invalidReference(id, by string) *Error {
	return bad("InvalidResourceReference",
		"Resource %s referenced by resource %s was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.", id, by)
}

// provisioned refuses references to a resource that is being changed or has
// failed.
func (s *Store) provisioned(r *resource, by string) *Error {
	if r.op == nil && r.state != failed {
		return nil
	}
	message := fmt.Sprintf("Cannot proceed with operation because resource %s used by resource %s is not in Succeeded state. Resource is in %s state and the last operation that updated/is updating the resource is %s.",
		r.id, by, r.state, r.kind.putName)
	e := retryable("ReferencedResourceNotProvisioned", message, s.opt.Profile.RetryAfter)
	if r.op == nil {
		e.Status = http.StatusBadRequest
	}
	return e
}

// checkPublic: one public address belongs to one IP configuration.
func (s *Store) checkPublic(w *write, properties tree.Object) *Error {
	seen := map[string]bool{}
	for _, config := range tree.Objects(properties, "ipConfigurations") {
		id := tree.Text(config, "properties", "publicIPAddress", "id")
		if id == "" {
			continue
		}
		key := strings.ToLower(id)
		holder, config2 := s.publicHolder(key)
		if seen[key] || holder != nil && holder.key != w.key {
			other := w.id
			if holder != nil {
				other = holder.id + "/ipConfigurations/" + config2
			}
			return bad("PublicIPAddressInUse",
				"Resource %s/ipConfigurations/%s is referencing public IP address %s that is already allocated to resource %s.",
				w.id, tree.Text(config, "name"), id, other)
		}
		seen[key] = true
		if vm, _ := s.vmOf(w.key); vm != nil && len(tree.Texts(vm.doc, "zones")) == 1 {
			if e := s.checkPublicZone(vm.id, tree.Texts(vm.doc, "zones")[0], key); e != nil {
				return e
			}
		}
	}
	return nil
}

// publicHolder is the NIC and IP configuration that a public address is on.
func (s *Store) publicHolder(key string) (*resource, string) {
	for _, r := range s.sorted {
		form, ok := r.form.(*nicForm)
		if !ok {
			continue
		}
		for _, config := range form.configs {
			if config.public == key {
				return r, config.name
			}
		}
	}
	return nil, ""
}

func parseNIC(_ *Store, _ *resource, doc tree.Object) any {
	form := &nicForm{
		nsg:        strings.ToLower(tree.Text(doc, "properties", "networkSecurityGroup", "id")),
		forwarding: tree.Bool(doc, "properties", "enableIPForwarding"),
	}
	for _, config := range tree.Objects(doc, "properties", "ipConfigurations") {
		addr, _ := netip.ParseAddr(tree.Text(config, "properties", "privateIPAddress"))
		c := ipConfig{
			name: tree.Text(config, "name"), addr: addr,
			subnet: strings.ToLower(tree.Text(config, "properties", "subnet", "id")),
			public: strings.ToLower(tree.Text(config, "properties", "publicIPAddress", "id")),
		}
		for _, asg := range tree.Objects(config, "properties", "applicationSecurityGroups") {
			c.asgs = append(c.asgs, strings.ToLower(tree.Text(asg, "id")))
		}
		form.configs = append(form.configs, c)
	}
	return form
}

func deriveNIC(s *Store, r *resource, properties tree.Object) {
	deriveItems(r, properties, "ipConfigurations", ipConfigurationKind.name, nil)
	dns := tree.Shallow(tree.Sub(properties, "dnsSettings"))
	if dns["dnsServers"] == nil {
		dns["dnsServers"] = []any{}
	}
	dns["appliedDnsServers"] = []any{}
	dns["internalDomainNameSuffix"] = "emulated.ax.internal.cloudapp.net"
	properties["dnsSettings"] = dns
	properties["hostedWorkloads"] = []any{}
	properties["tapConfigurations"] = []any{}
	properties["vnetEncryptionSupported"] = false
	properties["defaultOutboundConnectivityEnabled"] = false
	if properties["nicType"] == nil {
		properties["nicType"] = "Standard"
	}
	for _, name := range []string{"auxiliaryMode", "auxiliarySku"} {
		if properties[name] == nil {
			properties[name] = "None"
		}
	}
	if vm, primary := s.vmOf(r.key); vm != nil {
		properties["virtualMachine"] = tree.Object{"id": vm.id}
		properties["primary"] = primary
		properties["macAddress"] = r.extra["mac"]
	}
}

func nicLinks(doc tree.Object) []link {
	var out []link
	add := func(action, id string) {
		if id != "" {
			out = append(out, link{action, id})
		}
	}
	add("Microsoft.Network/networkSecurityGroups/join/action", tree.Text(doc, "properties", "networkSecurityGroup", "id"))
	for _, config := range tree.Objects(doc, "properties", "ipConfigurations") {
		add("Microsoft.Network/virtualNetworks/subnets/join/action", tree.Text(config, "properties", "subnet", "id"))
		add("Microsoft.Network/publicIPAddresses/join/action", tree.Text(config, "properties", "publicIPAddress", "id"))
		for _, each := range []struct{ list, action string }{
			{"applicationSecurityGroups", "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action"},
			{"loadBalancerBackendAddressPools", "Microsoft.Network/loadBalancers/backendAddressPools/join/action"},
			{"loadBalancerInboundNatRules", "Microsoft.Network/loadBalancers/inboundNatRules/join/action"},
			{"applicationGatewayBackendAddressPools", "Microsoft.Network/applicationGateways/backendAddressPools/join/action"},
		} {
			for _, item := range tree.Objects(config, "properties", each.list) {
				add(each.action, tree.Text(item, "id"))
			}
		}
	}
	return out
}

func nicInUse(s *Store, r *resource) *Error {
	vm, _ := s.vmOf(r.key)
	if vm == nil {
		return nil
	}
	return bad("NicInUse",
		"Network Interface %s is used by existing resource %s. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.", r.id, vm.id)
}

func nicGone(s *Store, r *resource) { s.free(r.key) }

// nicStarted notes which addresses a write brings and takes away.
func (s *Store) nicStarted(r *resource, op *operation) {
	live, _ := r.live.(*nicForm)
	want, _ := r.form.(*nicForm)
	if op.delete {
		want = &nicForm{}
	}
	for _, addr := range want.addrs() {
		if !slices.Contains(live.addrs(), addr) {
			op.Added = append(op.Added, addr)
		}
	}
	for _, addr := range live.addrs() {
		if !slices.Contains(want.addrs(), addr) {
			op.Dropped = append(op.Dropped, addr)
		}
	}
}

func (f *nicForm) has(addr netip.Addr) bool {
	return slices.ContainsFunc(f.configs, func(c ipConfig) bool { return c.addr == addr })
}

func (f *nicForm) addrs() []netip.Addr {
	if f == nil {
		return nil
	}
	var out []netip.Addr
	for _, c := range f.configs {
		if c.addr.IsValid() {
			out = append(out, c.addr)
		}
	}
	return out
}

// nicWithdraw stops the delivery of addresses that the NIC no longer wants.
func (s *Store) nicWithdraw(r *resource, all bool) {
	live, ok := r.live.(*nicForm)
	if !ok {
		return
	}
	want := r.form.(*nicForm).addrs()
	if all {
		want = nil
	}
	kept := *live
	kept.configs = slices.DeleteFunc(slices.Clone(live.configs), func(c ipConfig) bool { return !slices.Contains(want, c.addr) })
	if len(kept.configs) != len(live.configs) {
		r.live = &kept
		s.planeStale = true
	}
}

// nicSettled frees what the finished write has taken away.
func (s *Store) nicSettled(r *resource) {
	s.release(r.key, r.form.(*nicForm).addrs())
}

// newMAC is an address of Azure's range 00-0D-3A (RFC 7042 section 2.1 form).
func (s *Store) newMAC() string {
	n := s.ids.Uint32()
	return fmt.Sprintf("00-0D-3A-%02X-%02X-%02X", n>>16&0xff, n>>8&0xff, n&0xff)
}
