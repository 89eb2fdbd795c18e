package store

import (
	"encoding/base64"
	"strings"

	"releve.dev/releve/azure/emulator/tree"
)

// maxCustomData is Azure's limit of customData in base64.
const maxCustomData = 87380

// checkMachine is what Azure asks of a VM with a disk: its size, its image and
// its first user.
func (s *Store) checkMachine(w *write, properties tree.Object, form *vmForm) *Error {
	if !hasImage(w.doc) {
		if w.old != nil && hasImage(w.old.doc) {
			return bad("InvalidParameter", "Required parameter 'storageProfile' is missing (null).")
		}
		return nil
	}
	if e := s.checkSize(w, properties, form); e != nil {
		return e
	}
	if e := checkOSProfile(w, properties); e != nil {
		return e
	}
	if data := tree.Text(properties, "userData"); data != "" {
		if _, err := base64.StdEncoding.DecodeString(data); err != nil {
			return bad("InvalidParameter", "User data must be in Base64 encoding.")
		}
		w.extra["userData"] = data
	}
	delete(properties, "userData")
	storage := tree.Sub(properties, "storageProfile")
	if w.old != nil {
		return keepDisk(w, storage)
	}
	return s.newDisk(w, storage)
}

// keepDisk: what a VM runs from can't be changed by a PUT.
func keepDisk(w *write, storage tree.Object) *Error {
	old := tree.Sub(w.old.doc, "properties", "storageProfile")
	if image := tree.Sub(storage, "imageReference"); image != nil {
		was := tree.Sub(old, "imageReference")
		if !strings.EqualFold(tree.Text(image, "id"), tree.Text(was, "id")) || !strings.EqualFold(imageURN(image), imageURN(was)) {
			return notChangeable("imageReference")
		}
	} else if was := old["imageReference"]; was != nil {
		storage["imageReference"] = was
	}
	disk, was := tree.Sub(storage, "osDisk"), tree.Sub(old, "osDisk")
	if disk == nil {
		storage["osDisk"] = was
		return nil
	}
	for _, path := range [][]string{{"name"}, {"createOption"}, {"managedDisk", "id"}} {
		if now := tree.Text(disk, path...); now != "" && !strings.EqualFold(now, tree.Text(was, path...)) {
			return notChangeable("osDisk." + strings.Join(path, "."))
		}
	}
	storage["osDisk"] = tree.Merge(was, disk)
	return nil
}

// newDisk completes a new VM's osDisk; storedVM makes its managed disk.
func (s *Store) newDisk(w *write, storage tree.Object) *Error {
	disk := tree.Sub(storage, "osDisk")
	if disk == nil {
		disk = tree.Object{"createOption": "FromImage"}
		storage["osDisk"] = disk
	}
	if tree.Sub(disk, "vhd") != nil {
		return bad("InvalidParameter", "The emulator has no unmanaged disks: parameter 'osDisk.vhd' of %s.", w.id)
	}
	managed := tree.Sub(disk, "managedDisk")
	if managed == nil {
		managed = tree.Object{}
		disk["managedDisk"] = managed
	}
	if strings.EqualFold(tree.Text(disk, "createOption"), "Attach") {
		return s.attachDisk(w, storage, disk, managed)
	}
	if e := s.checkImage(w, storage); e != nil {
		return e
	}
	if tree.Text(disk, "name") == "" {
		disk["name"] = w.target.name + "_OsDisk_1_" + strings.ReplaceAll(s.guid(), "-", "")
	}
	setDefault(managed, "storageAccountType", "Premium_LRS")
	id := upTo(w.id, 4) + "/providers/" + diskKind.name + "/" + tree.Text(disk, "name")
	if s.byKey[strings.ToLower(id)] != nil {
		return conflict("Conflict", "Disk %s already exists in resource group %s. Only CreateOption.Attach is supported.", tree.Text(disk, "name"), strings.ToUpper(w.target.group))
	}
	managed["id"] = id
	setDefault(disk, "createOption", "FromImage")
	setDefault(disk, "osType", "Linux")
	setDefault(disk, "caching", "ReadWrite")
	setDefault(disk, "deleteOption", "Detach")
	return nil
}

func setDefault(o tree.Object, name string, value any) {
	if o[name] == nil {
		o[name] = value
	}
}

// attachDisk is a VM made of a disk that is there already.
func (s *Store) attachDisk(w *write, storage, disk, managed tree.Object) *Error {
	id := tree.Text(managed, "id")
	r := s.byKey[strings.ToLower(id)]
	switch {
	case r == nil || r.kind != diskKind:
		return notFound("ResourceNotFound", "Disk '%s' was not found.", id)
	case storage["imageReference"] != nil:
		return bad("InvalidParameter", "Cannot specify user image overrides for a disk already defined in the specified image reference.")
	case tree.Sub(w.doc, "properties", "osProfile") != nil:
		return bad("InvalidParameter", "Parameter 'osProfile' is not allowed.")
	}
	if owner := s.diskOwner(r.key); owner != nil {
		return conflict("ConflictingUserInput", "Disk '%s' cannot be attached as the disk is already owned by VM '%s'.", r.id, owner.id)
	}
	setDefault(disk, "name", r.name)
	setDefault(disk, "osType", "Linux")
	setDefault(disk, "deleteOption", "Detach")
	return nil
}

// storedVM makes the disk of a VM that was made from an image.
func storedVM(s *Store, r *resource) {
	disk := tree.Sub(r.doc, "properties", "storageProfile", "osDisk")
	id := tree.Text(disk, "managedDisk", "id")
	if id == "" || s.byKey[strings.ToLower(id)] != nil {
		return
	}
	size := disk["diskSizeGB"]
	if size == nil {
		size = defaultDiskSize
	}
	doc := tree.Object{"location": r.doc["location"], "sku": tree.Object{"name": tree.Text(disk, "managedDisk", "storageAccountType"), "tier": "Premium"},
		"properties": tree.Object{"osType": "Linux", "hyperVGeneration": "V2", "diskSizeGB": size, "creationData": tree.Object{
			"createOption": "FromImage", "imageReference": tree.Object{"id": s.imageOf(r.doc)}}}}
	if r.doc["zones"] != nil {
		doc["zones"] = r.doc["zones"]
	}
	s.add(&resource{kind: diskKind, id: id, key: strings.ToLower(id), name: tree.Text(disk, "name"), doc: doc, state: succeeded})
	s.changed()
}

// goneVM takes away what was to be deleted with the VM, its guest above all.
func goneVM(s *Store, r *resource) {
	s.halt(r, MachineDelete)
	refs := tree.Objects(r.doc, "properties", "networkProfile", "networkInterfaces")
	for _, ref := range refs {
		if strings.EqualFold(tree.Text(ref, "properties", "deleteOption"), "Delete") {
			s.vanishID(tree.Text(ref, "id"))
		}
	}
	disk := tree.Sub(r.doc, "properties", "storageProfile", "osDisk")
	if strings.EqualFold(tree.Text(disk, "deleteOption"), "Delete") {
		s.vanishID(tree.Text(disk, "managedDisk", "id"))
	}
	s.changed()
}

func (s *Store) vanishID(id string) {
	if r := s.byKey[strings.ToLower(id)]; r != nil {
		s.vanish(r)
	}
}

// checkOSProfile checks a VM's first user, and takes out what Azure never shows.
func checkOSProfile(w *write, properties tree.Object) *Error {
	profile := tree.Sub(properties, "osProfile")
	attach := strings.EqualFold(tree.Text(properties, "storageProfile", "osDisk", "createOption"), "Attach")
	if profile == nil {
		if w.old != nil {
			if was := tree.Get(w.old.doc, "properties", "osProfile"); was != nil {
				properties["osProfile"] = was
			}
			return nil
		}
		if attach {
			return nil
		}
		return bad("InvalidParameter", "Required parameter 'osProfile' is missing (null).")
	}
	custom, password := tree.Text(profile, "customData"), tree.Text(profile, "adminPassword")
	delete(profile, "customData")
	delete(profile, "adminPassword")
	if w.old != nil {
		if custom != "" && custom != w.extra["customData"] {
			return notChangeable("osProfile.customData")
		}
		for _, name := range []string{"computerName", "adminUsername"} {
			if was := tree.Text(w.old.doc, "properties", "osProfile", name); tree.Text(profile, name) != "" && tree.Text(profile, name) != was {
				return notChangeable("osProfile." + name)
			}
		}
		return nil
	}
	if len(custom) > maxCustomData {
		return bad("InvalidParameter", "Custom data in OSProfile must be in Base64 encoding and with a maximum length of %d characters.", maxCustomData)
	}
	if _, err := base64.StdEncoding.DecodeString(custom); err != nil {
		return bad("InvalidParameter", "Custom data in OSProfile must be in Base64 encoding and with a maximum length of %d characters.", maxCustomData)
	}
	if custom != "" {
		w.extra["customData"] = custom
	}
	return checkUser(w, profile, password)
}

// forbiddenUsers are some that Azure refuses ("What are the username
// requirements when creating a VM?").
var forbiddenUsers = []string{"root", "admin", "administrator", "user", "test", "guest", "console", "sys"}

func checkUser(w *write, profile tree.Object, password string) *Error {
	setDefault(profile, "computerName", w.target.name)
	if name := tree.Text(profile, "computerName"); len(name) > 64 || strings.ContainsAny(name, " _!@#$%^&*()=+[]{}\\|;:'\",<>/?.~`") {
		return bad("InvalidParameter", "Linux host name cannot exceed 64 characters in length or contain the following characters: ` ~ ! @ # $ %% ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / ?.")
	}
	user := tree.Text(profile, "adminUsername")
	if user == "" {
		return bad("InvalidParameter", "Required parameter 'adminUsername' is missing (null).")
	}
	for _, forbidden := range forbiddenUsers {
		if strings.EqualFold(user, forbidden) {
			return bad("InvalidParameter", "The Admin Username specified is not allowed.")
		}
	}
	linux := tree.Sub(profile, "linuxConfiguration")
	if password == "" && len(tree.Objects(linux, "ssh", "publicKeys")) == 0 {
		return bad("InvalidParameter", "Authentication using either SSH or by user name and password must be enabled in Linux profile.")
	}
	if linux == nil {
		linux = tree.Object{}
		profile["linuxConfiguration"] = linux
	}
	setDefault(linux, "disablePasswordAuthentication", password == "")
	setDefault(linux, "provisionVMAgent", true)
	setDefault(profile, "allowExtensionOperations", true)
	setDefault(profile, "secrets", []any{})
	return nil
}
