package premises

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
)

// reading is one reading of all that a deployment is checked by. What can't be
// read is a fact, too.
type reading struct {
	r   *Reader
	ctx context.Context
	w   *plan.VSocket
	*plan.Premises
}

// Read reads the premises of a deployment; pair is the primary's name where a
// secondary is deployed. Its error is the context's.
func (r *Reader) Read(ctx context.Context, w *plan.VSocket, pair string) (*plan.Premises, error) {
	d := reading{r: r, ctx: ctx, w: w, Premises: &plan.Premises{
		Subscription: r.Subscription, Groups: map[string]*plan.Place{}, NICs: map[string]*doctor.NIC{},
		Taken: map[netip.Addr][]string{}, Rights: map[string]doctor.Rights{},
	}}
	d.groups()
	d.network(pair)
	if d.Network.Found {
		d.location()
		d.image()
		d.addresses()
	}
	return d.Premises, ctx.Err()
}

func (d *reading) unseen(what, where string, err error) bool {
	if err == nil {
		return false
	}
	d.Unseen = append(d.Unseen, doctor.Unseen{What: what, Where: where, Why: reason(err)})
	return true
}

// reason is why something couldn't be read, on one line.
func reason(err error) string {
	var refused *account.Error
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden && refused.Action != "" {
		return "you may not do " + refused.Action
	}
	return strings.ReplaceAll(err.Error(), "\nhint: ", "; ")
}

func (d *reading) groups() {
	for _, name := range []string{d.w.Group, d.w.NetworkGroup} {
		id := document.Group(d.r.Subscription, name)
		if d.Groups[strings.ToLower(name)] != nil {
			continue
		}
		is, _, err := d.r.ARM.Get(d.ctx, id)
		if !d.unseen("the resource group", id, err) {
			if is == nil {
				continue
			}
			d.Groups[strings.ToLower(name)] = &plan.Place{ID: id, Name: is.Text("name")}
		}
		rights, err := d.r.ARM.Permissions(d.ctx, id)
		if !d.unseen("your rights", id, err) {
			d.Rights[strings.ToLower(id)] = rights
		}
	}
}

// network reads the VNet and the machines in it.
func (d *reading) network(pair string) {
	var err error
	d.Network, err = d.r.Network(d.ctx, d.w.NetworkGroup, d.w.VNet)
	d.unseen("the virtual network", d.Network.ID, err)
	d.Location = d.Network.Location
	d.VM, err = d.r.Machine(d.ctx, d.w.Group, d.w.Name)
	d.unseen("the VM", d.w.Name, err)
	if pair != "" {
		d.Pair, err = d.r.Machine(d.ctx, d.w.Group, pair)
		d.unseen("the primary", pair, err)
	}
	for _, nic := range plan.NICs {
		is, err := d.r.nic(d.ctx, d.w.NICID(d.r.Subscription, nic))
		if !d.unseen("the NIC", d.w.Name+"-"+nic, err) && is != nil {
			d.NICs[nic] = is
		}
	}
}

func (d *reading) location() {
	var err error
	d.Sizes, d.Zones, err = d.r.Sizes(d.ctx, d.Location)
	if !d.unseen("the VM sizes", d.Location, err) && d.Sizes == nil && d.VM == nil {
		d.Untold = append(d.Untold, doctor.Unseen{What: "whether " + d.w.Size + " can be had in " + d.Location, Where: "/subscriptions/" + d.r.Subscription,
			Why: "you may not do Microsoft.Compute/skus/read, as your roles are on groups alone"})
	}
	if d.w.Set == "" {
		return
	}
	id := d.w.SetID(d.r.Subscription)
	is, _, err := d.r.ARM.Get(d.ctx, id)
	if d.unseen("the availability set", id, err) || is == nil {
		return
	}
	d.InSet = &plan.Set{ID: id, Name: is.Text("name"), Location: is.Text("location"), Managed: strings.EqualFold(is.Text("sku", "name"), "Aligned"),
		Faults: count(is, "platformFaultDomainCount"), Updates: count(is, "platformUpdateDomainCount")}
}

func count(d document.Document, name string) int {
	n, _ := d.Get("properties", name).(interface{ Int64() (int64, error) })
	if n == nil {
		return 0
	}
	i, _ := n.Int64() // 0 is too few, as it should be
	return int(i)
}

// image looks for what the VM is made of. Of the marketplace's Azure tells when
// the VM is made.
func (d *reading) image() {
	if d.w.Image.URN != nil {
		d.ImageFound = true
		return
	}
	id := d.w.ImageID(d.r.Subscription)
	is, _, err := d.r.ARM.Get(d.ctx, id)
	d.unseen("the image", id, err)
	if d.w.Image.VHD == nil || is != nil { // one that was made of the VHD needs it no more
		d.ImageFound, d.ImagePlace = is != nil || err != nil, is.Text("location")
		return
	}
	d.vhd(d.w.Image.VHD)
}

// vhd looks for a VHD's account, container and blob (D4).
func (d *reading) vhd(vhd *plan.VHD) {
	id := vhd.AccountID(d.r.Subscription, d.w.Group)
	is, _, err := d.r.ARM.Get(d.ctx, id)
	if d.unseen("the storage account", id, err) || is == nil {
		d.ImageFound = err != nil
		return
	}
	d.ImagePlace = is.Text("location")
	container, _, err := d.r.ARM.Get(d.ctx, id+"/blobServices/default/containers/"+vhd.Container)
	d.unseen("the blob container", id, err)
	d.ImageFound = container != nil || err != nil
	if container == nil {
		return
	}
	blob, err := d.r.ARM.Blob(d.ctx, is, vhd.Container, vhd.Blob)
	if err != nil {
		d.Untold = append(d.Untold, doctor.Unseen{What: "whether the VHD " + vhd.Blob + " is there", Where: id, Why: reason(err)})
		return
	}
	d.NoBlob, d.NotPage = !blob.Found, blob.Found && !blob.Page
}

// addresses asks who has those that are wanted, but for the vSocket's own NICs.
func (d *reading) addresses() {
	for _, nic := range plan.NICs {
		addr := d.w.Addrs[nic]
		if is := d.NICs[nic]; !addr.IsValid() || is != nil && is.Config(addr) != nil {
			continue
		}
		subnet := d.Subnet(d.w, nic)
		if subnet == nil || !subnet.Prefix.Contains(addr) {
			continue
		}
		taken, free, err := d.r.taken(d.ctx, d.Network.ID, addr)
		if !d.unseen("whether "+addr.String()+" is free", d.Network.ID, err) && taken {
			d.Taken[addr] = free
		}
	}
}
