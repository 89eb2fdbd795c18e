package world

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/site"
)

// Downstream is a change of the tunnels into which a PoP sends the site's
// traffic, as that PoP's kernel tells it.
type Downstream struct {
	At    time.Duration
	PoP   string
	Sides []site.Side // of the devices; more than one must never be
}

// downstream follows the routes of the PoPs' kernels.
type downstream struct {
	note func(who, what, detail string)

	mu    sync.Mutex
	steps []Downstream // of all PoPs
}

// follow watches a PoP's host until that is gone. After a crash it is another one.
func (d *downstream) follow(p *pop, host *room.Host, done <-chan struct{}) error {
	routes, links := make(chan netlink.RouteUpdate, 64), make(chan netlink.LinkUpdate, 64)
	err := netlink.RouteSubscribeWithOptions(routes, done, netlink.RouteSubscribeOptions{Namespace: &host.NS})
	if err == nil {
		err = netlink.LinkSubscribeWithOptions(links, done, netlink.LinkSubscribeOptions{Namespace: &host.NS})
	}
	if err != nil {
		return fmt.Errorf("watch the routes of %s: %w", host.Name, err)
	}
	handle, err := host.Netlink()
	if err != nil {
		return err
	}
	go func() {
		defer handle.Close()
		for routes != nil && links != nil {
			select {
			case u, open := <-routes:
				if !open {
					routes = nil
				} else if u.Dst != nil && u.Dst.String() == azuresite.Space.String() {
					d.look(p, handle)
				}
			case _, open := <-links:
				if !open {
					links = nil
				} else {
					d.look(p, handle)
				}
			}
		}
	}()
	return nil
}

// look reads all routes of the site anew: the kernel tells of no route that goes
// with its device, but of the device.
func (d *downstream) look(p *pop, handle *netlink.Handle) {
	routes, err := handle.RouteListFiltered(unix.AF_INET, &netlink.Route{Dst: ipNet(azuresite.Space)}, netlink.RT_FILTER_DST)
	if err != nil {
		return // the host is gone
	}
	sides := []site.Side{}
	for _, r := range routes {
		link, err := handle.LinkByIndex(r.LinkIndex)
		if err != nil {
			continue
		}
		for side, device := range p.devices {
			if link.Attrs().Name == device {
				sides = append(sides, side)
			}
		}
	}
	slices.Sort(sides)
	d.step(p.node, sides)
}

func (d *downstream) step(pop string, sides []site.Side) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var before []site.Side // to begin with, nowhere
	for _, step := range d.steps {
		if step.PoP == pop {
			before = step.Sides
		}
	}
	if slices.Equal(before, sides) {
		return
	}
	d.steps = append(d.steps, Downstream{clock.Now(), pop, sides})
	d.note(pop, report.WhatDownstream, names(sides))
}

func names(sides []site.Side) string {
	var list []string
	for _, side := range sides {
		list = append(list, side.String())
	}
	return strings.Join(list, " and ")
}

// Downstream tells how the PoPs have sent the site's traffic since a moment; the
// first step of each is what it was then.
func (w *World) Downstream(since time.Duration) []Downstream {
	d := &w.downstream
	d.mu.Lock()
	defer d.mu.Unlock()
	first := map[string]int{}
	for i, step := range d.steps {
		if step.At <= since {
			first[step.PoP] = i
		}
	}
	var list []Downstream
	for i, step := range d.steps {
		if i >= first[step.PoP] {
			list = append(list, step)
		}
	}
	return list
}
