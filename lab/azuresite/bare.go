package azuresite

import "releve.dev/releve/site"

// Image is the name of the image that has a vSocket's programs, and ImageAccount that of
// the storage account that has the VHD it was made of.
const (
	Image        = "releve-vsocket"
	ImageAccount = "images"
	imageBlob    = "releve-vsocket.vhd"
	container    = "vhds"
)

// Bare lists what there is before a site is set up: two groups, a network, vm1, and a
// VHD with its image. A route table leads to where the primary will be, as where one
// vSocket has served alone (its LAN address is the next hop until `ha` changes it).
func (l Layout) Bare(blobs string) []Resource {
	account := l.group(SiteGroup) + "/providers/Microsoft.Storage/storageAccounts/" + ImageAccount
	folder := account + "/blobServices/default/containers/" + container
	list := []Resource{
		resource(l.group(SiteGroup), object{"location": Location}),
		resource(l.group(NetworkGroup), object{"location": Location}),
		l.routes(Addr(site.Primary, LAN)), l.virtualNetwork(),
		resource(account, object{"location": Location, "sku": object{"name": "Standard_LRS"}, "kind": "StorageV2", "properties": object{}}),
		resource(folder, object{"properties": object{}}),
		resource(folder+"/blobs/"+imageBlob, object{"properties": object{"contentLength": 2 << 30}}),
		resource(l.ImageID(), object{"location": Location, "properties": object{"hyperVGeneration": "V2", "storageProfile": object{
			"osDisk": object{"osType": "Linux", "osState": "Generalized", "storageAccountType": "Standard_LRS", "blobUri": blobs + "/" + container + "/" + imageBlob}}}}),
	}
	return append(list, l.vm1()...)
}

// ImageID is that image's resource id.
func (l Layout) ImageID() string {
	return l.group(SiteGroup) + "/providers/Microsoft.Compute/images/" + Image
}

// RouteTable is the resource id of the work subnet's.
func (l Layout) RouteTable() string { return l.routeTable() }
