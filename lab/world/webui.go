package world

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os/exec"
	"strings"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/gateway"
)

// webPort is where a vSocket's own pages are, on its MGMT address.
const webPort = "443"

// webNice is how much everything else of the lab goes before the pages: the package's
// unit puts them below the agent, too.
const webNice = "20"

// webui is a vSocket's own pages.
type webui struct {
	*program
	password string
}

// startPages starts both vSockets' own pages, each with a password that the lab knows.
func (w *World) startPages() error {
	if !w.opt.Pages || w.opt.Bare {
		return nil
	}
	for _, node := range vsockets {
		p := w.programOn(node, "web")
		p.argv = []string{"nice", "-n", webNice, w.opt.Agent, "web", "--config", w.programs[node].path(vsocketConfig)}
		w.webuis[node] = &webui{p, strings.ToLower(rand.Text()[:12])}
		if err := w.setPassword(node); err != nil {
			return err
		}
		if err := p.run(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) setPassword(node string) error {
	ctx, cancel := context.WithTimeout(w.life, wayInTime)
	defer cancel()
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, w.opt.Agent, "web", "passwd", "--config", w.programs[node].path(vsocketConfig))
	cmd.Stdin, cmd.Stderr = strings.NewReader(w.webuis[node].password+"\n"), &complaint
	err := w.StartIn(node, cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("set the password of the %s's pages: %w: %s", node, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return nil
}

// PagesPassword is that of a vSocket's own pages.
func (w *World) PagesPassword(node string) string { return w.webuis[node].password }

// RelayPages carries what comes by a listener to a vSocket's own pages, until the lab
// ends. It comes from vm1, as the browser of an administrator in the VNet would.
func (w *World) RelayPages(node string, listener net.Listener) {
	w.relay(listener, VM1, net.JoinHostPort(azuresite.Addr(w.side(node), azuresite.MGMT).String(), webPort))
}

// relay carries what comes by a listener to an address as a node sees it, until the
// lab ends.
func (w *World) relay(listener net.Listener, node, address string) {
	w.later(func() { listener.Close() })
	go func() {
		err := gateway.Relay(listener, func() (net.Conn, error) {
			host, err := w.Host(node)
			if err != nil {
				return nil, err
			}
			return host.Dial(address, dialTime)
		})
		if err != nil {
			w.log.Error("a way into the lab is closed", "to", address, "error", err)
		}
	}()
}
