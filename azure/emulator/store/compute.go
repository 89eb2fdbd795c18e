package store

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

var diskKind = new(kind)

func init() {
	register(diskKind, kind{
		name: "Microsoft.Compute/disks", class: profile.Compute, tracked: true, putName: "PutDiskOperation",
		readOnly: []string{"diskState", "timeCreated", "uniqueId", "diskSizeBytes"},
		accept:   acceptDisk, derive: deriveDisk, outer: outerDisk,
		inUse: func(s *Store, r *resource) *Error {
			if vm := s.diskOwner(r.key); vm != nil {
				return conflict("OperationNotAllowed", "Disk %s is attached to VM %s.", r.name, vm.id)
			}
			return nil
		},
	})
}

var imageKind = new(kind)

func init() {
	register(imageKind, kind{
		name: "Microsoft.Compute/images", class: profile.Compute, tracked: true, putName: "PutImageOperation",
		accept: acceptImage,
	})
}

const defaultDiskSize = json.Number("30")

func acceptDisk(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	delete(w.doc, "managedBy")
	creation := tree.Sub(properties, "creationData")
	if creation == nil || tree.Text(creation, "createOption") == "" {
		return bad("InvalidParameter", "Required parameter 'disk.creationData' is missing (null).")
	}
	if w.old == nil {
		if uri := tree.Text(creation, "sourceUri"); uri != "" {
			if e := s.checkBlob(uri, w); e != nil {
				return e
			}
		}
	}
	setDefault(properties, "diskSizeGB", defaultDiskSize)
	return nil
}

func deriveDisk(s *Store, r *resource, properties tree.Object) {
	properties["diskState"] = "Unattached"
	if s.diskOwner(r.key) != nil {
		properties["diskState"] = "Attached"
	}
}

func outerDisk(s *Store, r *resource, o tree.Object) {
	if vm := s.diskOwner(r.key); vm != nil {
		o["managedBy"] = vm.id
	}
}

// diskOwner is the VM that a disk is attached to.
func (s *Store) diskOwner(key string) *resource {
	for _, r := range s.sorted {
		if r.kind == vmKind && strings.EqualFold(tree.Text(r.doc, "properties", "storageProfile", "osDisk", "managedDisk", "id"), key) {
			return r
		}
	}
	return nil
}

// acceptImage takes an image that is made of a VHD in a blob container, of a
// disk, or of a generalised VM.
func acceptImage(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	disk := tree.Sub(properties, "storageProfile", "osDisk")
	if disk == nil {
		if tree.Text(properties, "sourceVirtualMachine", "id") != "" {
			return nil
		}
		return bad("InvalidParameter", "Required parameter 'image.storageProfile.osDisk' is missing (null).")
	}
	for _, name := range []string{"osType", "osState"} {
		if tree.Text(disk, name) == "" {
			return bad("InvalidParameter", "Required parameter 'osDisk.%s' is missing (null).", name)
		}
	}
	if uri := tree.Text(disk, "blobUri"); uri != "" && w.old == nil {
		if e := s.checkBlob(uri, w); e != nil {
			return e
		}
	}
	if id := tree.Text(disk, "managedDisk", "id"); id != "" {
		if r := s.byKey[strings.ToLower(id)]; r == nil || r.kind != diskKind {
			return notFound("NotFound", "Disk %s is not found.", id)
		}
	}
	setDefault(disk, "storageAccountType", "Standard_LRS")
	setDefault(disk, "caching", "None")
	setDefault(properties, "hyperVGeneration", "V1")
	if w.old != nil && tree.Text(w.old.doc, "properties", "hyperVGeneration") != tree.Text(properties, "hyperVGeneration") {
		return notChangeable("hyperVGeneration")
	}
	return nil
}

// checkImage: the image that a VM is made of must be in its region.
func (s *Store) checkImage(w *write, storage tree.Object) *Error {
	image := tree.Sub(storage, "imageReference")
	if image == nil {
		return bad("InvalidParameter", "Required parameter 'imageReference' is missing (null).")
	}
	location := normalLocation(tree.Text(w.doc, "location"))
	id := tree.Text(image, "id")
	if id != "" {
		r := s.byKey[strings.ToLower(id)]
		if r == nil || r.kind != imageKind || normalLocation(tree.Text(r.doc, "location")) != location {
			return notFound("NotFound", "The Image '%s' cannot be found in '%s' region.", id, location)
		}
		if state := tree.Text(r.doc, "properties", "storageProfile", "osDisk", "osState"); strings.EqualFold(state, "Specialized") {
			return bad("InvalidParameter", "The image '%s' is specialized. A VM is made of a generalized image.", id)
		}
		return s.provisioned(r, w.id)
	}
	for _, known := range platformImages {
		if strings.EqualFold(imageURN(known.reference("")), imageURN(image)) || strings.EqualFold(imageURN(known.reference("latest")), imageURN(image)) {
			setDefault(image, "exactVersion", known.version)
			return nil
		}
	}
	return notFound("PlatformImageNotFound", "The platform image '%s' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile", imageURN(image))
}

// platformImage is one of the marketplace.
type platformImage struct{ publisher, offer, sku, version string }

// reference names the image; version "" is its own.
func (p platformImage) reference(version string) tree.Object {
	if version == "" {
		version = p.version
	}
	return tree.Object{"publisher": p.publisher, "offer": p.offer, "sku": p.sku, "version": version}
}

// platformImages are the stock images that the emulator has.
var platformImages = []platformImage{
	{"Debian", "debian-12", "12-gen2", "0.20251006.2257"},
	{"Debian", "debian-13", "13-gen2", "0.20251006.2257"},
	{"Canonical", "ubuntu-24_04-lts", "server", "24.04.202510010"},
}

// size is one VM size.
type size struct {
	name          string
	cores, memory int // memory in MB
	nics          int
	zones         []string // nil: in all
}

// sizes are those of the region ("Sizes for virtual machines in Azure").
var sizes = []size{
	{name: "Standard_B2s", cores: 2, memory: 4096, nics: 3},
	{name: "Standard_B2ms", cores: 2, memory: 8192, nics: 3},
	{name: "Standard_B4ms", cores: 4, memory: 16384, nics: 4},
	{name: "Standard_D2s_v3", cores: 2, memory: 8192, nics: 2},
	{name: "Standard_D2s_v5", cores: 2, memory: 8192, nics: 2},
	{name: "Standard_D4s_v3", cores: 4, memory: 16384, nics: 2},
	{name: "Standard_D4s_v5", cores: 4, memory: 16384, nics: 2},
	{name: "Standard_D8s_v3", cores: 8, memory: 32768, nics: 4},
	{name: "Standard_D8s_v5", cores: 8, memory: 32768, nics: 4},
	{name: "Standard_D3_v2", cores: 4, memory: 14336, nics: 4},
	{name: "Standard_DS3_v2", cores: 4, memory: 14336, nics: 4},
	{name: "Standard_D8ls_v5", cores: 8, memory: 16384, nics: 4, zones: []string{"1", "2"}},
}

func sizeNamed(name string) *size {
	for i := range sizes {
		if strings.EqualFold(sizes[i].name, name) {
			return &sizes[i]
		}
	}
	return nil
}

func (s *Store) checkSize(w *write, properties tree.Object, form *vmForm) *Error {
	name := tree.Text(properties, "hardwareProfile", "vmSize")
	if name == "" {
		return bad("InvalidParameter", "Required parameter 'hardwareProfile.vmSize' is missing (null).")
	}
	z := sizeNamed(name)
	if z == nil {
		var names []string
		for _, each := range sizes {
			names = append(names, each.name)
		}
		return bad("InvalidParameter", "The value %s provided for the VM size is not valid. The valid sizes in the current region are: %s. Find out more on the available VM sizes in each region at https://aka.ms/azure-regions.", name, strings.Join(names, ","))
	}
	if len(form.nics) > z.nics {
		return bad("NetworkInterfaceCountExceeded", "The number of network interfaces for virtual machine %s exceeds the maximum allowed for the virtual machine size %s. The number of network interfaces is %d and the maximum allowed is %d.", w.target.name, z.name, len(form.nics), z.nics)
	}
	if zones := tree.Texts(w.doc, "zones"); len(zones) > 0 && !contains(z.zones, zones[0]) {
		return conflict("SkuNotAvailable", "The requested size for resource '%s' is currently not available in location '%s' zones '%s' for subscription '%s'. Please try another size or deploy to a different location or different zones. See https://aka.ms/azureskunotavailable for details.",
			w.id, normalLocation(tree.Text(w.doc, "location")), zones[0], s.opt.Subscription)
	}
	return s.checkQuota(w, z)
}

// contains: no list is all.
func contains(list []string, text string) bool {
	for _, each := range list {
		if each == text {
			return true
		}
	}
	return list == nil
}

// coresInUse counts the cores of all VMs but one.
func (s *Store) coresInUse(but string) int {
	n := 0
	for _, r := range s.sorted {
		if r.kind != vmKind || r.key == but {
			continue
		}
		if z := sizeNamed(tree.Text(r.doc, "properties", "hardwareProfile", "vmSize")); z != nil {
			n += z.cores
		}
	}
	return n
}

func (s *Store) checkQuota(w *write, z *size) *Error {
	limit, used := s.opt.Switches.Cores, s.coresInUse(w.key)
	if limit == 0 || used+z.cores <= limit {
		return nil
	}
	return conflict("OperationNotAllowed", "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: %s, Current Limit: %d, Current Usage: %d, Additional Required: %d, (Minimum) New Limit Required: %d.",
		normalLocation(tree.Text(w.doc, "location")), limit, used, z.cores, used+z.cores)
}

var (
	sizesKind  = new(kind)
	skusKind   = new(kind)
	usagesKind = new(kind)
	resizeKind = new(kind)
)

func init() {
	register(sizesKind, kind{name: "Microsoft.Compute/locations/vmSizes", serve: serveSizes})
	register(resizeKind, kind{name: "Microsoft.Compute/virtualMachines/vmSizes", serve: serveSizes})
	register(skusKind, kind{name: "Microsoft.Compute/skus", serve: serveSKUs})
	register(usagesKind, kind{name: "Microsoft.Compute/locations/usages", serve: serveUsages})
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// serveSizes lists the region's sizes, and those that a VM can be resized to.
func serveSizes(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	if c.kind == resizeKind && s.byKey[c.target.key] == nil {
		return s.missing(c.target).response()
	}
	var items []any
	for _, z := range sizes {
		items = append(items, tree.Object{"name": z.name, "numberOfCores": number(z.cores), "memoryInMB": number(z.memory),
			"osDiskSizeInMB": number(1047552), "resourceDiskSizeInMB": number(0), "maxDataDiskCount": number(4)})
	}
	return listResponse(items)
}

// serveSKUs is "Resource Skus - List", with the zones that a size isn't in as
// restrictions. A filter of the location is understood.
func serveSKUs(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	if _, text, ok := strings.Cut(c.target.filter, "'"); ok && normalLocation(strings.TrimSuffix(text, "'")) != s.opt.Location {
		return listResponse(nil)
	}
	var items []any
	for _, z := range sizes {
		restrictions := []any{}
		var none []any
		for _, zone := range zonesHere {
			if !contains(z.zones, zone) {
				none = append(none, zone)
			}
		}
		if none != nil {
			restrictions = append(restrictions, tree.Object{"type": "Zone", "values": []any{s.opt.Location}, "reasonCode": "NotAvailableForSubscription",
				"restrictionInfo": tree.Object{"locations": []any{s.opt.Location}, "zones": none}})
		}
		items = append(items, tree.Object{
			"resourceType": "virtualMachines", "name": z.name, "tier": "Standard", "size": strings.TrimPrefix(z.name, "Standard_"),
			"family": "standardFamily", "locations": []any{s.opt.Location}, "restrictions": restrictions,
			"locationInfo": []any{tree.Object{"location": s.opt.Location, "zones": list(zonesHere), "zoneDetails": []any{}}},
			"capabilities": []any{capability("vCPUs", z.cores), capability("MemoryGB", z.memory/1024), capability("MaxNetworkInterfaces", z.nics),
				tree.Object{"name": "AcceleratedNetworkingEnabled", "value": "True"}, tree.Object{"name": "HyperVGenerations", "value": "V1,V2"}},
		})
	}
	return listResponse(items)
}

func capability(name string, n int) tree.Object {
	return tree.Object{"name": name, "value": strconv.Itoa(n)}
}

func serveUsages(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	limit := s.opt.Switches.Cores
	if limit == 0 {
		limit = 350
	}
	return listResponse([]any{tree.Object{"unit": "Count", "currentValue": number(s.coresInUse("")), "limit": number(limit),
		"name": tree.Object{"value": "cores", "localizedValue": "Total Regional vCPUs"}}})
}
