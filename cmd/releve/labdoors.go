package main

import (
	"fmt"
	"net"
	"os"

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
	fileCA        = "ca.pem" // of a bare lab's Azure, for programs outside
)

// doorsOf lists what a lab is given, in the order in which it is passed.
func doorsOf(opt world.Options) []string {
	if opt.Bare {
		return []string{doorControl, doorGateway, fileCA}
	}
	list := []string{doorControl, doorPrimary, doorSecondary}
	if opt.Managed {
		list = append(list, doorManager)
	}
	return list
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

// passedDoors is what the lab was given, by name.
type passedDoors map[string]*os.File

// passed takes them, inside.
func passed(opt world.Options) passedDoors {
	doors := passedDoors{}
	for i, name := range doorsOf(opt) {
		doors[name] = os.NewFile(uintptr(3+i), name) // after the standard three (room.Inside)
	}
	return doors
}

// listener is what comes by a door.
func (d passedDoors) listener(name string) (net.Listener, error) {
	defer d[name].Close()
	listener, err := net.FileListener(d[name])
	if err != nil {
		return nil, fmt.Errorf("take over the way to the lab's %s: %w", name, err)
	}
	return listener, nil
}

// close lets nobody in.
func (d passedDoors) close() {
	for _, file := range d {
		file.Close()
	}
}
