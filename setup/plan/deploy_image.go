package plan

import (
	"errors"
	"fmt"
	"strings"

	"releve.dev/releve/setup/document"
)

// Image is what a VM is made of: exactly one of the three.
type Image struct {
	ID  string // of an image, or of a version in a gallery
	URN *URN
	VHD *VHD
}

// URN names an image of the marketplace.
type URN struct{ Publisher, Offer, SKU, Version string }

// VHD is a disk in a blob container (D1, D4).
type VHD struct{ URL, Account, Container, Blob string }

// ParseImage reads what a person calls an image: the address of a VHD, the URN of
// the marketplace, a resource id, or the name of an image in the VMs' group.
func ParseImage(subscription, group, text string) (Image, error) {
	switch {
	case strings.HasPrefix(text, "https://"):
		vhd, err := parseVHD(text)
		return Image{VHD: vhd}, err
	case strings.Count(text, ":") == 3:
		p := strings.Split(text, ":")
		if p[0] == "" || p[1] == "" || p[2] == "" || p[3] == "" {
			return Image{}, fmt.Errorf("%q is no URN\nhint: one is like Debian:debian-13:13-gen2:latest", text)
		}
		return Image{URN: &URN{p[0], p[1], p[2], p[3]}}, nil
	case strings.HasPrefix(text, "/"):
		id, err := document.ParseID(text)
		if err == nil && !strings.HasPrefix(strings.ToLower(id.Type), "microsoft.compute/") {
			err = fmt.Errorf("%s is no image", text)
		}
		return Image{ID: text}, err
	case text == "" || strings.ContainsAny(text, " /:?#"):
		return Image{}, fmt.Errorf("%q is no image\nhint: give the address of a VHD, a URN such as Debian:debian-13:13-gen2:latest, or an image's name or id", text)
	}
	return Image{ID: document.Resource(subscription, group, imageType, text)}, nil
}

const imageType = "Microsoft.Compute/images"

func parseVHD(text string) (*VHD, error) {
	bad := errors.New("the VHD's address is not https://ACCOUNT.blob.…/CONTAINER/NAME.vhd")
	if strings.ContainsAny(text, "?#") {
		return nil, errors.New("the VHD's address has a query\nhint: leave the signature out: Azure reads the blob with your rights")
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(text, "https://"), "/")
	account, rest, _ := strings.Cut(host, ".")
	container, blob, _ := strings.Cut(path, "/")
	if account == "" || !strings.HasPrefix(rest, "blob.") || container == "" || blob == "" {
		return nil, bad
	}
	if !strings.HasSuffix(strings.ToLower(blob), ".vhd") {
		return nil, errors.New("the VHD's name doesn't end in .vhd\nhint: Azure takes VHDs of a fixed size, no VHDX")
	}
	return &VHD{URL: text, Account: account, Container: container, Blob: blob}, nil
}

// ImageID is the image that the VM is made of: for a VHD that of our own, named
// after the VHD, so that both vSockets share it. It is "" for a URN.
func (w *VSocket) ImageID(subscription string) string {
	if w.Image.VHD != nil {
		return document.Resource(subscription, w.Group, imageType, "releve-"+derive("image", w.Image.VHD.URL)[:8])
	}
	return w.Image.ID
}

func (i *Image) reference(k *Known) map[string]any {
	switch {
	case i.URN != nil:
		return map[string]any{"publisher": i.URN.Publisher, "offer": i.URN.Offer, "sku": i.URN.SKU, "version": i.URN.Version}
	case i.VHD != nil:
		return ref(k.Image)
	}
	return ref(i.ID)
}

// AccountID is the storage account that a VHD must be in: one in the VMs' group
// (D4).
func (v *VHD) AccountID(subscription, group string) string {
	return document.Resource(subscription, group, "Microsoft.Storage/storageAccounts", v.Account)
}
