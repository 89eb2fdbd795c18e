package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"releve.dev/releve/lab/console"
	"releve.dev/releve/lab/world"
)

// What a lab in its room is given of this machine: sockets by which it is reached, on
// loopback all but the console's, and a file.
const (
	doorControl   = "control" // the console's
	doorManager   = "manager"
	doorGateway   = "gateway" // to all hosts of a bare lab
	doorPrimary   = world.Primary
	doorSecondary = world.Secondary
	doorPassage   = "passage" // of the manager's, to a vSocket's pages: a number follows
	fileCA        = "ca.pem"  // of a bare lab's Azure, for programs outside
)

// doorsOf lists what a lab is given, in the order in which it is passed.
func doorsOf(opt world.Options) []string {
	switch {
	case opt.Bare:
		return []string{doorControl, doorGateway, fileCA}
	case opt.Managed:
		return []string{doorControl, doorPrimary, doorSecondary, doorManager, doorPassage + "1", doorPassage + "2"}
	}
	return []string{doorControl, doorPrimary, doorSecondary}
}

// openDoors opens them, outside.
func openDoors(opt world.Options) ([]*os.File, error) {
	var files []*os.File
	for _, name := range doorsOf(opt) {
		file, err := openDoor(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func openDoor(name string) (*os.File, error) {
	switch name {
	case doorControl:
		return console.Listen()
	case fileCA:
		return memory(name)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a way to the lab's %s: %w", name, err)
	}
	defer listener.Close() // the file is another descriptor of it
	return listener.(*net.TCPListener).File()
}

// doors are what the lab was given, inside.
type doors struct {
	control, ca *os.File
	ways        map[string]net.Listener
}

// passedDoors takes them over.
func passedDoors(opt world.Options) (*doors, error) {
	d := &doors{ways: map[string]net.Listener{}}
	var failed error
	for i, name := range doorsOf(opt) {
		file := os.NewFile(uintptr(3+i), name) // after the standard three (room.Inside)
		switch name {
		case doorControl:
			d.control = file
		case fileCA:
			d.ca = file
		default:
			listener, err := net.FileListener(file)
			d.ways[name] = listener
			failed = errors.Join(failed, err, file.Close())
		}
	}
	if failed != nil {
		return nil, fmt.Errorf("take over the ways into the lab: %w", failed)
	}
	return d, nil
}

// passages are those of the manager: it has the ports inside that they have here, so
// that its links lead to them.
func (d *doors) passages() (list []net.Listener) {
	for name, listener := range d.ways {
		if strings.HasPrefix(name, doorPassage) {
			list = append(list, listener)
		}
	}
	return list
}

func portOf(listener net.Listener) uint16 { return uint16(listener.Addr().(*net.TCPAddr).Port) }
