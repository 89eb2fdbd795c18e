// Package guest is what runs inside a machine of the lab: its first process,
// which makes the mounts, plays cloud-init and looks after the services, and the
// systemctl and cloud-init that scripts in the machine find in their path.
//
// A program that boots machines calls Main before all else, because it is started
// again as these three.
package guest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SpecVar names, in the environment of a machine's first process, the file that
// says what to boot.
const SpecVar = "RELEVE_MACHINE"

// Spec is what a machine's first process is told.
type Spec struct {
	Dir      string   // the machine's, in the room
	Program  string   // this program, outside
	Hostname string   // its name
	Layered  []string // folders of the machine outside that its own are laid over, such as "usr"
	Instance string   // cloud-init plays once for each
	UserData []byte
	Packages []string // .deb files that the image has, outside; installed at the first boot
}

// Folders in a machine's Dir. Upper and Root outlive a reboot; Run is emptied.
const (
	Upper = "upper"
	Work  = "work"
	Root  = "root"
	Run   = "run"
)

// RunPath is Run, in a machine.
const RunPath = "/run"

// Ours is the folder of what the lab puts into a machine, below its /run.
const Ours = "machine"

const (
	Program = RunPath + "/" + Ours + "/init" // this program, in a machine
	control = RunPath + "/" + Ours + "/control"
)

// Words on the descriptor that a machine's first process is given.
const (
	Ready  = "ready"
	Failed = "failed: "
)

// readyFd is that descriptor.
const readyFd = 3

// Main takes the process over if it belongs to a machine, and returns at once if
// it doesn't.
func Main() {
	path, set := os.LookupEnv(SpecVar)
	switch name := filepath.Base(os.Args[0]); {
	case set && os.Getpid() == 1:
		os.Unsetenv(SpecVar)
		os.Exit(first(path))
	case name == "systemctl" || name == "cloud-init":
		os.Exit(ask(name, os.Args[1:]))
	}
}

// first is the machine's first process. The machine ends with it.
func first(path string) int {
	said := os.NewFile(readyFd, "ready")
	unix.CloseOnExec(readyFd)
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "boot:", err)
		fmt.Fprintln(said, Failed+err.Error())
		return 1
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	var spec Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return fail(fmt.Errorf("read what to boot: %w", err))
	}
	if err := furnish(&spec); err != nil {
		return fail(err)
	}
	stop := make(chan os.Signal, 4)
	signal.Notify(stop, unix.SIGTERM)
	m := newManager()
	go m.children.reap()
	init := newInit(&spec, m)
	if err := init.serve(control); err != nil {
		return fail(err)
	}
	finished := make(chan error, 1)
	go func() { finished <- init.boot(func() { fmt.Fprintln(said, Ready) }) }()
	for {
		select {
		case err := <-finished:
			if err != nil {
				return fail(err)
			}
			finished = nil
		case <-stop:
			m.shutDown()
			return 0
		}
	}
}
