package world

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/manager"
)

// managerPort is that of the API and of the vSockets' channel.
const managerPort = "443"

// managerAddr is where devices and people in the lab's hosts find the manager.
var managerAddr = net.JoinHostPort(azuresite.ManagerAddr.String(), managerPort)

// overseer is the lab's manager, as the lab's own hand at it knows it.
type overseer struct {
	owner *manager.Owner // nil: this lab has no manager

	mu   sync.Mutex
	site string // its id; "": not made yet
}

// Owner is the lab as the first owner at its manager, nil without one.
func (w *World) Owner() *manager.Owner { return w.overseer.owner }

// Site is the site's id at the manager, "" as long as it isn't made.
func (w *World) Site() string {
	w.overseer.mu.Lock()
	defer w.overseer.mu.Unlock()
	return w.overseer.site
}

// managerTime bounds what a manager has to do for the lab. It makes keys, and a
// database.
const managerTime = 2 * time.Minute

// startManager starts the manager and becomes its first owner.
func (w *World) startManager() error {
	if !w.opt.Managed {
		return nil
	}
	p := w.programOn(Manager, "manager")
	p.argv = []string{w.opt.Manager, "up", "--listen", managerAddr, "--data", filepath.Join(p.dir, "data"), "--owner", "lab", "--drain", "1s",
		"--name", azuresite.ManagerAddr.String(), "--name", managerName}
	if ports := w.opt.Passages; len(ports) > 0 {
		p.argv = append(p.argv, "--webui-ports", strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ","), "[]"))
	}
	w.programs[Manager] = p
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if err := p.run(); err != nil {
		return err
	}
	var greeting manager.Greeting
	if err := w.Await(w.life, "the manager says how to log in", managerTime, func(context.Context) (whole bool) {
		said, err := os.ReadFile(p.path(p.log))
		if err == nil {
			greeting, whole = manager.ReadGreeting(string(said))
		}
		return whole
	}); err != nil {
		return fmt.Errorf("start the manager: %w: %s", err, p.lastWords())
	}
	return w.ownManager(greeting)
}

// ownManager makes a way from the lab's own namespace to the manager's.
func (w *World) ownManager(g manager.Greeting) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("a way to the manager: %w", err)
	}
	w.RelayManager(listener)
	ctx, cancel := context.WithTimeout(w.life, managerTime)
	defer cancel()
	w.overseer.owner, err = manager.Own(ctx, "https://"+listener.Addr().String(), g)
	if err != nil {
		return fmt.Errorf("become the manager's first owner: %w", err)
	}
	return nil
}

// RelayManager carries what comes by a listener to the manager, until the lab ends.
func (w *World) RelayManager(listener net.Listener) { w.relay(listener, Manager, managerAddr) }

// RelayPassage carries what comes by a listener to a port of the manager's by which a
// vSocket's own pages are reached through it, until the lab ends.
func (w *World) RelayPassage(listener net.Listener, port uint16) {
	w.relay(listener, Manager, net.JoinHostPort(azuresite.ManagerAddr.String(), strconv.Itoa(int(port))))
}
