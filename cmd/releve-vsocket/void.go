package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"releve.dev/releve/disk"
	"releve.dev/releve/vsocket/config"
)

// voidFile says that this vSocket's serial number is void, for ever (E9). The
// channel has been told so, and tells the agent: a vSocket that isn't its site's any
// more must not take the floating IP from the one that is.
const voidFile = "void"

func checkVoid(cfg *config.Config) error {
	_, err := os.Stat(filepath.Join(managerFolder(cfg), voidFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(errors.New("this vSocket was unassigned: its serial number is void for ever\nhint: a vSocket with a new serial number takes its place"), err)
}

func keepVoid(folder disk.Folder) error {
	return disk.Replace(folder, voidFile, []byte("unassigned\n"))
}
