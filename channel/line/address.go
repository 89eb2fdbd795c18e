package line

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

// addressFile says where the manager is, beside who this device is.
const addressFile = "address"

// EnrolAt is Enrol that keeps where the manager is: first, since who is enrolled must
// have it; and the old one again if nothing came of it.
func EnrolAt(ctx context.Context, manager string, folder disk.Folder, k site.EnrolKey) (*Identity, error) {
	old, err := folder.Read(addressFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := disk.Replace(folder, addressFile, []byte(manager+"\n")); err != nil {
		return nil, err
	}
	identity, err := Enrol(ctx, manager, nil, folder, k)
	if err != nil && old != nil {
		err = errors.Join(err, disk.Replace(folder, addressFile, old))
	}
	return identity, err
}

// ErrNoManager says that EnrolAt was never called.
var ErrNoManager = errors.New("this device has no manager\nhint: enrol it at one: enrol --manager HOST:PORT KEY")

// Address is where the manager is.
func Address(folder disk.Folder) (string, error) {
	raw, err := folder.Read(addressFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoManager
	}
	return strings.TrimSpace(string(raw)), err
}
